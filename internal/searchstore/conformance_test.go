package searchstore

import (
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/heka/recordid"
	"lagermeister/search/searchtest"
	"lagermeister/sink"
	sinkbulk "lagermeister/sink/bulk"
)

func TestAnswersAreThoseOfTheMatcher(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	searchtest.Run(t, s, func(frames [][]byte) (refused []int) {
		b := newBulk(1)
		for _, frame := range frames {
			body, err := messageOf(frame)
			if err != nil {
				t.Fatal(err)
			}
			b.add("logs", body)
		}
		for n, status := range post(t, s.Handler(), b.buf.Bytes()) {
			if status != 201 {
				t.Errorf("record %d: status %d", n, status)
				refused = append(refused, n)
			}
		}
		return refused
	})
}

// Our own sink and the store must understand one another.
func TestOurSinkDelivers(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	conf := sinkbulk.Config{RemoteURL: []string{server.URL}, Index: "logs", IndexTemplate: true, KeepFrames: true}
	conf.Timeout = 1 << 40
	out, err := sinkbulk.New(conf, quiet(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := out.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	encoder, _ := encode.New("ecs", nil, nil)
	var hasher recordid.Hasher
	var batch []sink.Record
	for n := range 20 {
		d := draft(n, int64(n)*day)
		var m heka.Message
		if err := m.Parse(d.Append(nil)); err != nil {
			t.Fatal(err)
		}
		batch = append(batch, sink.Record{ID: hasher.Append(nil, &m, "o", n), Index: []byte("logs"),
			Doc: encoder.Append(nil, &encode.Record{Message: &m, Sequence: 1, Index: n}), Frame: heka.AppendFrame(nil, m.Body)})
	}
	for _, want := range []sink.Outcome{sink.Delivered, sink.Already} {
		results := make([]sink.Result, len(batch))
		if err := out.Send(t.Context(), batch, results); err != nil {
			t.Fatal(err)
		}
		for n, r := range results {
			if r.Outcome != want {
				t.Errorf("record %d: %+v, want %v", n, r, want)
			}
		}
	}
	if got := total(t, s); got != 20 {
		t.Errorf("%d records", got)
	}
}
