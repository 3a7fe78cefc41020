package search_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"lagermeister/search"
)

// docs is a source of documents, the newest first, a second apart.
type docs []string

func (s docs) Read(_ context.Context, after string, n int) (list []search.Row, _ error) {
	start := 0
	_, _ = fmt.Sscan(after, &start)
	for i := start; i < min(start+n, len(s)); i++ {
		record := search.Record{Doc: json.RawMessage(s[i]), Time: time.Unix(int64(1000-i), 0)}
		list = append(list, search.Row{Record: record, After: fmt.Sprint(i + 1)})
	}
	return list, nil
}

func (s docs) Count(context.Context) (int64, error) { return int64(len(s)), nil }

func fields(t testing.TB, names ...string) (list []search.Field) {
	t.Helper()
	for _, name := range names {
		f, err := search.ParseField(name)
		if err != nil || f.String() != name {
			t.Fatal(f, err)
		}
		list = append(list, f)
	}
	return list
}

func TestFacetsListTheMostFrequentValues(t *testing.T) {
	t.Parallel()
	src := docs{
		`{"host.name":"b","heka.x":["one","two","one"],"log.syslog.severity.code":3}`, `{"host.name":"a","heka.x":"one","log.syslog.severity.code":3}`,
		`{"host.name":"c","unmapped.heka.x":"5","heka.y":5.0}`, `{"host.name":"c","heka.x":null}`, `{"heka.x":true}`,
		`{"host.name":"` + strings.Repeat("l", search.MaxFacetValue+1) + `"}`, `no JSON`,
	}
	r := search.FacetRequest{Fields: fields(t, "Hostname", "Severity", "Fields[x]", "Fields[y]"), Size: 2}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	got, err := search.CountFacets(t.Context(), r, src)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"facets":[{"field":"Hostname","values":[["",2],["c",2]],"other":3},{"field":"Severity","values":[["7",5],["3",2]],"other":0},` +
		`{"field":"Fields[x]","values":[["one",2],["5",1]],"other":2},{"field":"Fields[y]","values":[["5.0",1]],"other":0}],` +
		`"counted":7,"total_is":"exact","partial":false,"took_ms":0}`
	if text, _ := json.Marshal(got); string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestCountsStopAtTheMostExamined(t *testing.T) {
	t.Parallel()
	for _, n := range []int{search.MaxExamined, search.MaxExamined + 1} {
		src := make(docs, n)
		r := search.HistogramRequest{}
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		got, err := search.CountHistogram(t.Context(), r, src)
		more := n > search.MaxExamined
		if err != nil || got.Counted != search.MaxExamined || got.Partial != more || (got.TotalIs == search.AtLeast) != more {
			t.Errorf("%d candidates: %+v, %v", n, got.Sum, err)
		}
	}
}

func TestCountsHoldWhatWasFoundByTheDeadline(t *testing.T) {
	t.Parallel()
	r := search.Request{Text: []string{"ten"}}
	sum, err := search.ExamineWithin(t.Context(), &r, &rows{n: 5000, block: true}, 50*time.Millisecond)
	if err != nil || !sum.Partial || sum.TotalIs != search.AtLeast || sum.Counted != 20 {
		t.Errorf("%+v, %v; want the 20 of the first read", sum, err)
	}
}

func TestStepsAreRoundAndBucketsAlign(t *testing.T) {
	t.Parallel()
	ms := func(n int64) time.Time { return time.UnixMilli(n) }
	for _, c := range []struct {
		from, to       time.Time
		oldest, newest int64
		buckets        int

		wantFrom, wantTo, step int64
	}{
		{ms(0), ms(900_000), 1, 0, 60, 0, 900_000, 15_000},
		{ms(1), ms(900_001), 1, 0, 60, 0, 930_000, 30_000},
		{ms(1), ms(900_001), 1, 0, 61, 0, 915_000, 15_000},
		{ms(5), ms(6), 1, 0, 60, 5, 6, 1},
		{ms(5), ms(5), 1, 0, 60, 5, 5, 1},
		{ms(6), ms(5), 1, 0, 60, 6, 6, 1},
		{ms(-90_000), ms(60_000), 1, 0, 3, -120_000, 60_000, 60_000},
		{time.Unix(0, 1), time.Unix(0, 2), 1, 0, 60, 0, 1, 1},
		{time.Time{}, time.Time{}, 1234, 1234, 60, 1234, 1235, 1},
		{time.Time{}, time.Time{}, 1, 0, 60, 0, 0, 1},
		{ms(1000), time.Time{}, 7000, 9000, 10, 1000, 10_000, 1000},
		{time.Time{}, ms(9000), 7000, 8000, 10, 7000, 9000, 200},
		{time.Date(1, 1, 1, 1, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 1, 0, 200, 0, 0, 0},
		{time.UnixMilli(-1 << 63), time.UnixMilli(1<<63 - 1), 1, 0, 2, 0, 0, 0},
	} {
		r := search.HistogramRequest{Request: search.Request{From: c.from, To: c.to}, Buckets: c.buckets}
		h := search.NewHistogram(&r, c.oldest, c.newest)
		if h.To-h.From != int64(len(h.Buckets))*h.Step || len(h.Buckets) > c.buckets || h.From%h.Step != 0 {
			t.Errorf("%+v: %d by %d: %d buckets", c, h.From, h.Step, len(h.Buckets))
		}
		if c.step != 0 && (h.From != c.wantFrom || h.To != c.wantTo || h.Step != c.step) {
			t.Errorf("%+v: %d to %d by %d", c, h.From, h.To, h.Step)
		}
		for _, at := range []int64{-1 << 63, 0, 1<<63 - 1} {
			h.Add(at, 9, 1) // must not leave the buckets
		}
	}
}

// counter is a store that remembers what it was asked to count.
type counter struct {
	asked
	facets    search.FacetRequest
	histogram search.HistogramRequest
}

func (s *counter) Facets(_ context.Context, r search.FacetRequest) (search.Facets, error) {
	s.facets = r
	return search.Facets{Facets: []search.Facet{{Field: "Severity", Values: []search.Value{{Text: "3", Count: 1032}}, Other: 2}}, Sum: search.Sum{Counted: 1034, TotalIs: search.Exact}}, r.Validate()
}

func (s *counter) Histogram(_ context.Context, r search.HistogramRequest) (search.Histogram, error) {
	s.histogram = r
	return search.Histogram{From: 0, To: 1000, Step: 1000, Buckets: []search.Bucket{{3: 7}}, Sum: search.Sum{Counted: 7, TotalIs: search.AtLeast, Partial: true}}, r.Validate()
}

func (s *counter) Find(_ context.Context, id string) (search.Found, error) {
	if id != "7" {
		return search.Found{}, fmt.Errorf("id %s: %w", id, search.ErrNotFound)
	}
	return search.Found{Record: search.Record{ID: id, Doc: json.RawMessage("{}")}}, nil
}

func (s *counter) Around(ctx context.Context, id string, n int) (search.Around, error) {
	found, err := s.Find(ctx, id)
	return search.Around{Before: []search.Record{}, Record: found.Record, After: make([]search.Record, n)}, err
}

func ask(store search.Store, path, query string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	search.Handlers(store)[path].ServeHTTP(w, httptest.NewRequest(http.MethodGet, path+"?"+query, nil))
	return w
}

func TestCountsOverHTTP(t *testing.T) {
	t.Parallel()
	store := &counter{}
	w := ask(store, "/api/v2/facets", "from=1000&field=Type&field="+url.QueryEscape("Fields[a b]")+"&size=5&limit=9&cursor=x")
	want := `{"facets":[{"field":"Severity","values":[["3",1032]],"other":2}],"counted":1034,"total_is":"exact","partial":false,"took_ms":0}` + "\n"
	if w.Code != http.StatusOK || w.Body.String() != want || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
	if r := store.facets; !r.From.Equal(time.Unix(1, 0)) || r.Size != 5 || !reflect.DeepEqual(r.Fields, fields(t, "Type", "Fields[a b]")) {
		t.Errorf("asked %+v", r)
	}
	w = ask(store, "/api/v2/histogram", "text=a&buckets=7")
	want = `{"from":0,"to":1000,"step_ms":1000,"buckets":[[0,0,0,7,0,0,0,0]],"counted":7,"total_is":"at_least","partial":true,"took_ms":0}` + "\n"
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
	if r := store.histogram; r.Buckets != 7 || r.Text[0] != "a" {
		t.Errorf("asked %+v", r)
	}
}

func TestBadCountParametersAre400AndNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, query, parameter string }{
		{"facets", "field=Payload", "field"}, {"facets", "field=", "field"}, {"facets", "field=Fields%5Bx%5D%5B1%5D", "field"}, {"facets", "field=TRUE%7C%7CType", "field"},
		{"facets", strings.Repeat("field=Type&", search.MaxFacets+1), "field"}, {"facets", "size=0", "size"}, {"facets", "size=101", "size"}, {"facets", "size=1&size=2", "size"},
		{"facets", "buckets=3", "buckets"}, {"facets", "q=nonsense", "q"},
		{"histogram", "buckets=201", "buckets"}, {"histogram", "buckets=-1", "buckets"}, {"histogram", "field=Type", "field"}, {"histogram", "to=never", "to"},
	} {
		w := ask(&counter{}, "/api/v2/"+c.path, c.query)
		var p struct{ Parameter string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusBadRequest || p.Parameter != c.parameter {
			t.Errorf("%+v: status %d, %s", c, w.Code, w.Body)
		}
	}
}

// Whatever is asked, the answer is JSON, and no field's name is taken for another.
func FuzzCountParameters(f *testing.F) {
	f.Add("field=Severity&field=Fields%5Bx%5D&size=3&q=TRUE")
	f.Add("buckets=200&from=-9223372036854775808&to=9223372036854775807")
	f.Add("field=Fields[x] == 1 || Fields[y]")
	f.Add("id=%00&n=20&position=1.0&format=csv")
	f.Fuzz(func(t *testing.T, query string) {
		for path := range search.Handlers(&counter{}) {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.URL.RawQuery = query
			w := httptest.NewRecorder()
			search.Handlers(&counter{})[path].ServeHTTP(w, r)
			if w.Code != http.StatusOK && w.Code != http.StatusBadRequest && w.Code != http.StatusNotFound {
				t.Fatalf("%s?%s: status %d", path, query, w.Code)
			}
			if kind := w.Header().Get("Content-Type"); strings.HasSuffix(kind, "json") && kind != "application/x-ndjson" && !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s?%s: %s", path, query, w.Body)
			}
		}
		values, _ := url.ParseQuery(query)
		for _, name := range values["field"] {
			if field, err := search.ParseField(name); err == nil {
				if again, err := search.ParseField(field.String()); err != nil || again != field {
					t.Fatalf("%q is %q, which is %v %v", name, field, again, err)
				}
			}
		}
		r, err := search.ParseRequest(query)
		if err == nil && !r.From.IsZero() && !r.To.IsZero() {
			h := search.NewHistogram(&search.HistogramRequest{Request: r, Buckets: 9}, 1, 0)
			if len(h.Buckets) > 9 || h.Step < 1 {
				t.Fatalf("%s: %d buckets of %d", query, len(h.Buckets), h.Step)
			}
		}
	})
}
