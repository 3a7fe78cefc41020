package searchstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/heka/recordid"
	"lagermeister/search"
)

// What SQL counts must be what looking at each record gives, however the rows fall
// into windows and files.
func TestCountsInTheIndexAreThoseOfTheRecords(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	b := newBulk(1)
	for n := range 500 { // many records of the same time
		d := draft(n, int64(n/7)*1_000_000)
		d.Severity = int32(n%12 - 2)
		d.Type += []string{"", "\xff", strings.Repeat("long", 100)}[n%3]
		b.drafts(fmt.Sprint("logs-", n/200), d)
	}
	b.drafts("odd", draft(1000, -5), draft(1001, math.MaxInt64), draft(1002, math.MinInt64))
	post(t, s.Handler(), b.buf.Bytes())
	at := func(ms int64) time.Time { return time.UnixMilli(ms) }
	for _, window := range []int{1, 10, 1000} {
		s.countWindow = window
		for _, r := range []search.Request{
			{}, {From: at(10), To: at(50)}, {From: at(3)}, {To: at(3)}, {From: at(50), To: at(10)}, {From: at(1 << 40), To: at(1 << 41)},
			{Spec: spec(t, "Severity <= 3")}, {Spec: spec(t, "Severity <= 3 && Hostname != 'web-01' || Pid == 7"), From: at(5), To: at(60)}, {Spec: spec(t, "FALSE")},
		} {
			request := search.FacetRequest{Request: r, Size: 3}
			histogram := search.HistogramRequest{Request: r, Buckets: 7}
			if err := errors.Join(request.Validate(), histogram.Validate()); err != nil {
				t.Fatal(err)
			}
			got, err := s.Facets(t.Context(), request)
			want, err2 := search.CountFacets(t.Context(), request, s.source(&request.Request))
			if err != nil || err2 != nil || got.TotalIs != search.Exact || !reflect.DeepEqual(got, want) {
				t.Errorf("window %d, %+v:\ngot  %+v %v\nwant %+v %v", window, r, got, err, want, err2)
			}
			h, err := s.Histogram(t.Context(), histogram)
			wantH, err2 := search.CountHistogram(t.Context(), histogram, s.source(&histogram.Request))
			if err != nil || err2 != nil || h.TotalIs != search.Exact || !reflect.DeepEqual(h, wantH) {
				t.Errorf("window %d, %+v:\ngot  %+v %v\nwant %+v %v", window, r, h, err, wantH, err2)
			}
		}
	}
}

// What SQL cannot decide is counted record by record.
func TestOnlyWhatSQLDecidesIsCountedByIt(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	b := newBulk(1)
	for n := range 20 {
		b.drafts("logs", draft(n, day+int64(n)))
	}
	post(t, s.Handler(), b.buf.Bytes())
	f, _ := s.file("logs")
	for text, want := range map[string]bool{
		"TRUE": true, "FALSE": true, "Severity > 2.5": true, "Type =~ /^app/ && (Pid < 9 || Logger == 'test')": true, "EnvVersion == ''": true,
		"Timestamp > 5": false, "Payload =~ /x/": false, "Payload == 'x'": false, "Uuid != ''": false, "Fields[n] == 3": false, "Severity > 2 && Payload !~ /y/": false,
		"Severity == 1" + strings.Repeat(" || Pid == 4", maxTests): false,
	} {
		if q, possible := narrow(t.Context(), &search.Request{Spec: spec(t, text)}, &f.values); possible && q.exact != want {
			t.Errorf("%.60s: exact is %v", text, q.exact)
		}
	}
	if q, _ := narrow(t.Context(), &search.Request{Text: []string{"x"}}, &f.values); q.exact {
		t.Error("words are taken for exact")
	}
	long := draft(100, day)
	long.Hostname = strings.Repeat("h", maxValue+1)
	post(t, s.Handler(), newBulk(2).drafts("logs", long).buf.Bytes())
	if q, _ := narrow(t.Context(), &search.Request{Spec: spec(t, "Hostname == 'x' || Severity < 9")}, &f.values); q.exact {
		t.Error("a hostname that does not fit the dictionary is taken for known")
	}
	got, err := s.Facets(t.Context(), search.FacetRequest{})
	if err != nil || got.TotalIs != search.Exact || got.Counted != 21 || got.Facets[1].Other != 1 || len(got.Facets[1].Values) != 5 {
		t.Errorf("%+v, %v; want one hostname among the others", got, err)
	}
}

func TestWhoHangsUpEndsTheCount(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	post(t, s.Handler(), newBulk(1).drafts("logs", draft(1, day)).buf.Bytes())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Facets(ctx, search.FacetRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("facets: %v", err)
	}
	if _, err := s.Histogram(ctx, search.HistogramRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("histogram: %v", err)
	}
}

func TestCountsUseOnlyTheIndex(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	post(t, s.Handler(), newBulk(1).drafts("logs", draft(1, day)).buf.Bytes())
	f, _ := s.file("logs")
	rows, err := f.read.Query("EXPLAIN QUERY PLAN SELECT count(*), lm_tally(severity, hostname, logger, type) FROM record INDEXED BY by_time WHERE time BETWEEN 1 AND 2 AND pid < 5")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if !slices.Equal(plan, []string{"SEARCH record USING COVERING INDEX by_time (time>? AND time<?)"}) {
		t.Errorf("plan %q", plan)
	}
}

// BenchmarkCounts counts a million records of an hour.
func BenchmarkCounts(b *testing.B) {
	s := open(b, Config{})
	fillWith(b, s, 1_000_000)
	for name, request := range map[string]search.Request{"everything": {}, "severity": {Spec: spec(b, "Severity <= 3")}, "payload": {Spec: spec(b, "Payload =~ /timed out/")}} {
		b.Run("facets/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Facets(b.Context(), search.FacetRequest{Request: request}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("histogram/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Histogram(b.Context(), search.HistogramRequest{Request: request}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fillWith stores n records of one hour, past the bulk API.
func fillWith(b *testing.B, s *Store, n int) {
	f, err := s.file("logs")
	if err != nil {
		b.Fatal(err)
	}
	var hasher recordid.Hasher
	encoder, _ := encode.New("ecs", nil, nil)
	for done := 0; done < n; {
		var items []*item
		for ; len(items) < 1000; done++ {
			d := draft(done, day+int64(done)*int64(time.Hour)/int64(n))
			var m heka.Message
			body := d.Append(nil)
			if err := m.Parse(body); err != nil {
				b.Fatal(err)
			}
			doc := encoder.Append(nil, &encode.Record{Message: &m, Sequence: 1, Index: done})
			it, err := newItem(&m, string(hasher.Append(nil, &m, "o", done)), heka.AppendFrame(nil, body), doc)
			if err != nil {
				b.Fatal(err)
			}
			items = append(items, it)
		}
		if err := f.insert(items); err != nil {
			b.Fatal(err)
		}
	}
}
