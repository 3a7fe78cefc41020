package httppost_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/sink"
	"lagermeister/sink/httpclient"
	"lagermeister/sink/httppost"
	"lagermeister/sink/sinktest"
)

func batch(n int) []sink.Record {
	list := make([]sink.Record, n)
	for i := range list {
		list[i] = sink.Record{ID: fmt.Appendf(nil, "%044x", i), Doc: fmt.Appendf(nil, `{"Payload":"record %d"}`, i)}
	}
	return list
}

func open(t *testing.T, conf httppost.Config) *httppost.Sink {
	t.Helper()
	if conf.Timeout == 0 {
		conf.Timeout = time.Minute
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := httppost.New(conf, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func send(s *httppost.Sink, records []sink.Record) ([]sink.Result, *sink.Error) {
	results := make([]sink.Result, len(records))
	if err := s.Send(context.Background(), records, results); err != nil {
		return results, err.(*sink.Error)
	}
	return results, nil
}

func TestABatchIsOnePostOfLines(t *testing.T) {
	t.Parallel()
	for _, gzip := range []bool{false, true} {
		far := sinktest.New(t)
		s := open(t, httppost.Config{RemoteURL: []string{far.URL + "/receiver/v1/http/token"}, Config: httpclient.Config{Gzip: gzip}})
		results, err := send(s, batch(100))
		if err != nil || results[0].Outcome != sink.Delivered || results[99].Outcome != sink.Delivered {
			t.Fatalf("got %v, %+v", err, results)
		}
		if e, ok := far.Entry(`{"Payload":"record 42"}`); !ok || e.Taken != 1 || far.Len() != 100 {
			t.Errorf("the far end has %d records, %+v", far.Len(), e)
		}
		requests := far.Requests()
		if r := requests[0]; len(requests) != 1 || r.URL.Path != "/receiver/v1/http/token" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%d requests, %s %v", len(requests), r.URL, r.Header)
		}
	}
}

// A far end may recognise a repeat: same records, same name; others, another.
func TestABatchIsNamedByItsIDs(t *testing.T) {
	t.Parallel()
	far := sinktest.New(t)
	s := open(t, httppost.Config{RemoteURL: []string{far.URL}})
	for _, records := range [][]sink.Record{batch(10), batch(10), batch(9), batch(10)[1:]} {
		if _, err := send(s, records); err != nil {
			t.Fatal(err)
		}
	}
	batches := far.Batches()
	// printf '%044x\n' 0 1 2 3 4 5 6 7 8 9 | sha256sum | cut -c 1-32
	if len(batches) != 3 || batches["f9f8fc4082d8dc1663b7460bb7b91646"] != 2 {
		t.Errorf("got %v", batches)
	}
}

func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  sinktest.Fault
		class  sink.Class
		status int
	}{
		"hang":           {sinktest.Hang(), sink.Again, 0},
		"reset":          {sinktest.Reset(), sink.Again, 0},
		"lost answer":    {sinktest.LostAnswer(), sink.Again, 0},
		"half an answer": {sinktest.Page(200, "half", "Content-Length", "100"), sink.Again, 0},
		"redirect":       {sinktest.Status(301, "Location", "http://other/"), sink.Pause, 301},
		"unauthorized":   {sinktest.Status(401), sink.Pause, 401},
		"gone":           {sinktest.Status(410), sink.Pause, 410},
		"conflict":       {sinktest.Status(409), sink.Pause, 409},
		"teapot":         {sinktest.Status(418), sink.Pause, 418},
		"malformed":      {sinktest.Status(400), sink.Split, 400},
		"too large":      {sinktest.TooLarge(100), sink.Split, 413},
		"unprocessable":  {sinktest.Status(422), sink.Split, 422},
		"timed out":      {sinktest.Status(408), sink.Again, 408},
		"busy":           {sinktest.Busy("7"), sink.Again, 429},
		"broken":         {sinktest.Status(500), sink.Again, 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := time.Minute
			if name == "hang" {
				timeout = time.Second // for the second attempt too
			}
			far := sinktest.New(t)
			s := open(t, httppost.Config{RemoteURL: []string{far.URL}, Config: httpclient.Config{Timeout: timeout}})
			far.FailTimes(1, c.fault)
			results, err := send(s, batch(10))
			if err == nil || err.Class != c.class || err.Status != c.status || !strings.HasPrefix(err.Error(), "POST "+far.URL+", 10 records, ") {
				t.Fatalf("got %v (%+v), want %v with status %d", err, err, c.class, c.status)
			}
			if name == "busy" && err.RetryAfter != 7*time.Second {
				t.Errorf("Retry-After is %s", err.RetryAfter)
			}
			for _, r := range results {
				if r.Outcome != sink.Retry {
					t.Errorf("got %+v", r)
				}
			}
			if _, err := send(s, batch(10)); err != nil || far.Len() != 10 {
				t.Errorf("second attempt: %v, %d records", err, far.Len())
			}
		})
	}
}

func TestHalvingFindsTheRecordTheFarEndDoesNotTake(t *testing.T) {
	t.Parallel()
	far := sinktest.New(t)
	far.Fail(sinktest.RefuseItems(func(r sinktest.Record) *sinktest.Item {
		if strings.Contains(r.Doc, "record 5\"") {
			return &sinktest.Item{Status: 400, Reason: "no 5"}
		}
		return nil
	}))
	s := open(t, httppost.Config{RemoteURL: []string{far.URL}})
	var refused []sink.Result
	var halve func([]sink.Record)
	halve = func(records []sink.Record) {
		results, err := send(s, records)
		if err != nil && err.Class == sink.Split && len(records) > 1 {
			halve(records[:len(records)/2])
			halve(records[len(records)/2:])
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if results[0].Outcome == sink.Refused {
			refused = append(refused, results...)
		}
	}
	halve(batch(10))
	if len(refused) != 1 || refused[0].Status != 400 || refused[0].Reason != "no 5" || far.Len() != 9 {
		t.Errorf("refused %+v, %d delivered", refused, far.Len())
	}
}

func TestAStubDeliversNothingAndSaysItDid(t *testing.T) {
	t.Parallel()
	conf := httppost.Config{StubHTTP: true}
	if err := conf.Validate(); err != nil {
		t.Fatal(err)
	}
	s := open(t, conf)
	results, err := send(s, batch(2))
	if err != nil || results[1].Outcome != sink.Delivered || s.Probe(context.Background()) != nil {
		t.Errorf("got %v, %+v", err, results)
	}
}

func TestARemoteURLIsRequired(t *testing.T) {
	t.Parallel()
	if err := (&httppost.Config{}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "REMOTE_URL: expected") {
		t.Errorf("got %v", err)
	}
}
