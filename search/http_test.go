package search_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"lagermeister/search"
)

// asked is a store that remembers the request and gives one answer.
type asked struct {
	search.Store
	request search.Request
	doc     string
	err     error
}

func (s *asked) About() search.About { return search.About{Kind: search.KindEmbedded} }

func (s *asked) Search(_ context.Context, r search.Request) (search.Answer, error) {
	s.request = r
	record := search.Record{ID: "1", Index: "i", Position: "7.0", Time: time.Unix(1, 5).UTC(), Doc: json.RawMessage(cmp.Or(s.doc, `{"message":"<a>"}`)), Exact: true}
	return search.Answer{Total: 1, TotalIs: search.Exact, Examined: 1, Exact: true, Records: []search.Record{record}, Next: "n"}, s.err
}

func get(store search.Store, method, query string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	search.Handlers(store)["/api/v2/search"].ServeHTTP(w, httptest.NewRequest(method, "/api/v2/search?"+query, nil))
	return w
}

func TestParametersReachTheStore(t *testing.T) {
	t.Parallel()
	store := &asked{}
	values := url.Values{
		"q": {`Type == "x" && Severity < 4`}, "text": {"Timed-out timed"}, "limit": {"7"}, "cursor": {"c"},
		"from": {"2026-01-02T03:04:05.000000006+01:00"}, "to": {"1767319445123"},
	}
	w := get(store, http.MethodGet, values.Encode())
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, %s", w.Code, w.Body)
	}
	want := `{"total":1,"total_is":"exact","examined":1,"partial":false,"exact":true,"records":[{"id":"1","index":"i","position":"7.0",` +
		`"time":"1970-01-01T00:00:01.000000005Z","doc":{"message":"<a>"},"exact":true}],"next":"n","took_ms":0,"store":"embedded"}` + "\n"
	if w.Body.String() != want {
		t.Errorf("got  %s\nwant %s", w.Body, want)
	}
	r := store.request
	if r.Spec.String() != values.Get("q") || !reflect.DeepEqual(r.Text, []string{"out", "timed"}) || r.Limit != 7 || r.Cursor != "c" ||
		!r.From.Equal(time.Date(2026, 1, 2, 2, 4, 5, 6, time.UTC)) || !r.To.Equal(time.UnixMilli(1767319445123)) {
		t.Errorf("the store was asked %+v", r)
	}
}

func TestEmptyParametersAskForEverything(t *testing.T) {
	t.Parallel()
	store := &asked{}
	if w := get(store, http.MethodGet, "q=&text=&from=&to=&limit=&cursor="); w.Code != http.StatusOK || !reflect.DeepEqual(store.request, search.Request{}) {
		t.Errorf("status %d, the store was asked %+v", w.Code, store.request)
	}
}

func TestBadParametersAre400AndNamed(t *testing.T) {
	t.Parallel()
	for query, parameter := range map[string]string{
		"q=" + url.QueryEscape(`Type = "x"`): "q", "text=%21%21": "text", "from=yesterday": "from", "to=2026-01-02": "to",
		"limit=0": "limit", "limit=1001": "limit", "limit=x": "limit", "limit=1&limit=2": "limit", "size=1": "size", "q=%zz": "query",
	} {
		w := get(&asked{}, http.MethodGet, query)
		var p struct{ Title, Detail, Parameter string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if w.Code != http.StatusBadRequest || p.Parameter != parameter || !strings.Contains(p.Detail, parameter) || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: status %d, %s", query, w.Code, w.Body)
		}
	}
}

func TestSpecErrorsCarryTheCaret(t *testing.T) {
	t.Parallel()
	w := get(&asked{}, http.MethodGet, "q="+url.QueryEscape(`Type == "x" AND TRUE`))
	var p struct {
		Offset            int
		Excerpt, Expected string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Offset != 12 || p.Expected != "&&" || p.Excerpt != "    Type == \"x\" AND TRUE\n                ^" {
		t.Errorf("%s", w.Body)
	}
}

func TestOtherFailuresAreTheStores(t *testing.T) {
	t.Parallel()
	if w := get(&asked{err: errors.New("no route to host")}, http.MethodGet, ""); w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "no route to host") {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
	if w := get(&asked{err: &search.ParameterError{Parameter: "cursor", Reason: "old"}}, http.MethodGet, "cursor=x"); w.Code != http.StatusBadRequest {
		t.Errorf("status %d, want 400", w.Code)
	}
	if w := get(&asked{}, http.MethodPost, ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("status %d, want 405", w.Code)
	}
}
