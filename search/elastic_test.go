package search_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"lagermeister/search"
)

// fakeElastic answers with what a test scripts, and keeps what it was asked.
type fakeElastic struct {
	mu       sync.Mutex
	requests []string // path and query
	bodies   []map[string]any
	auth     []string

	caps   string
	hits   []string // bodies of the answers to _search, in order
	status int      // of answers to _search, 200 when 0
}

func (f *fakeElastic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r.URL.Path+"?"+r.URL.RawQuery)
	f.auth = append(f.auth, r.Header.Get("Authorization"))
	var body map[string]any
	if len(raw) > 0 && (json.Unmarshal(raw, &body) != nil || r.Header.Get("Content-Type") != "application/json") {
		w.WriteHeader(http.StatusNotAcceptable)
		return
	}
	f.bodies = append(f.bodies, body)
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	if strings.HasSuffix(r.URL.Path, "/_field_caps") {
		fmt.Fprint(w, f.caps)
		return
	}
	if f.status != 0 {
		w.WriteHeader(f.status)
	}
	fmt.Fprint(w, f.hits[0])
	f.hits = f.hits[1:]
}

// start adds the fake to the URLs of config, with a user when one is given.
func (f *fakeElastic) start(t *testing.T, config search.ElasticConfig, user ...string) *search.Elastic {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	config.URLs = append(config.URLs, "http://"+strings.Join(user, "")+server.Listener.Addr().String()+"/")
	config.Index = "lagermeister-*"
	store, err := search.NewElastic(config)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

const noHits = `{"hits":{"total":{"value":0},"hits":[]}}`

func hit(n int, source string) string {
	return fmt.Sprintf(`{"_index":"i","_id":"016f5e66e80%d","_source":%s,"sort":[%d,"1.%d",null]}`, n, source, 1577836800000000009-n, n)
}

func TestEverythingIsOneRequestAPage(t *testing.T) {
	t.Parallel()
	source := `{"@timestamp":"2020-01-01T00:00:00.000000001Z","lm.position":"1.0","message":"m"}`
	fake := &fakeElastic{hits: []string{
		`{"hits":{"total":{"value":3},"hits":[` + hit(1, source) + "," + hit(2, source) + "," + hit(3, source) + `]}}`,
		`{"hits":{"total":{"value":3},"hits":[` + hit(3, source) + `]}}`,
	}}
	store := fake.start(t, search.ElasticConfig{})
	first, err := store.Search(t.Context(), search.Request{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Records) != 2 || first.Total != 3 || first.TotalIs != search.Exact || !first.Exact || first.Next == "" {
		t.Fatalf("first page: %+v", first)
	}
	r := first.Records[0]
	if r.ID != "016f5e66e801" || r.Index != "i" || r.Position != "1.0" || r.Time.UnixNano() != 1577836800000000001 || string(r.Doc) != source {
		t.Errorf("record %+v", r)
	}
	second, err := store.Search(t.Context(), search.Request{Limit: 2, Cursor: first.Next})
	if err != nil || len(second.Records) != 1 || second.Next != "" {
		t.Fatalf("second page: %+v, %v", second, err)
	}
	if want := "/lagermeister-*/_search?allow_partial_search_results=false&ignore_unavailable=true&allow_no_indices=true"; fake.requests[0] != want || len(fake.requests) != 2 {
		t.Errorf("asked %q, want %q twice", fake.requests, want)
	}
	if b := fake.bodies[0]; b["track_total_hits"] != true || b["search_after"] != nil || b["size"] != 3.0 {
		t.Errorf("first body %v", b)
	}
	// The numbers have nanoseconds and must not go through a float.
	raw, _ := json.Marshal(fake.bodies[1]["search_after"])
	if string(raw) != `[1577836800000000000,"1.2",null]` {
		t.Errorf("second page after %s", raw)
	}
}

func TestTheRestOfTheVerdictIsOurs(t *testing.T) {
	t.Parallel()
	head := `{"host.name":"h","log.syslog.severity.code":7,`
	fake := &fakeElastic{
		caps: `{"fields":{"heka.f":{"keyword":{"searchable":true}},"message":{"text":{"searchable":true}}}}`,
		hits: []string{`{"hits":{"hits":[` + strings.Join([]string{
			hit(1, head+`"heka.f":"yes","message":"Timed out."}`), hit(2, head+`"heka.f":"no","message":"timed"}`),
			hit(3, head+`"heka.f":"eWVz","message":"timed"}`), hit(4, head+`"heka.f":"yes","message":"timedout"}`),
		}, ",") + `]}}`},
	}
	answer, err := fake.start(t, search.ElasticConfig{}).Search(t.Context(), search.Request{Spec: mustParse(t, `Fields[f] == "yes"`), Text: []string{"timed"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Records) != 2 || answer.Exact || answer.TotalIs != search.AtLeast || answer.Total != 2 || answer.Examined != 4 {
		t.Fatalf("%+v", answer)
	}
	if !answer.Records[0].Exact || answer.Records[1].Exact || answer.Records[1].ID != "016f5e66e803" {
		t.Errorf("records %+v; the second could be bytes", answer.Records)
	}
	if !strings.HasPrefix(fake.requests[0], "/lagermeister-*/_field_caps?fields=heka.f%2Cmessage&") {
		t.Errorf("asked %q first", fake.requests[0])
	}
	if b := fake.bodies[1]; b["track_total_hits"] != false || b["query"] == nil {
		t.Errorf("body %v", b)
	}
}

func TestTheUserOfAURLIsSent(t *testing.T) {
	t.Parallel()
	for want, urls := range map[string][]string{
		"":                   nil,
		"Basic dXNlcjpwYXNz": {"user:pass@"},
	} {
		fake := &fakeElastic{hits: []string{noHits}}
		store := fake.start(t, search.ElasticConfig{}, urls...)
		if _, err := store.Search(t.Context(), search.Request{}); err != nil {
			t.Fatal(err)
		}
		if fake.auth[0] != want {
			t.Errorf("authorization %q, want %q", fake.auth[0], want)
		}
	}
}

// Some services take a path or a query for a token.
func TestPathAndQueryOfAURLAreSentAndNeverShown(t *testing.T) {
	t.Parallel()
	fake := &fakeElastic{hits: []string{`{"error":{"type":"x","reason":"no handler for /secret/lagermeister-*/_field_caps?key=secret"}}`}, status: 400}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	for _, c := range []struct{ at, want string }{{server.URL, "status 400: x: no handler for "}, {"http://127.0.0.1:1", "connect"}} {
		store, err := search.NewElastic(search.ElasticConfig{URLs: []string{c.at + "/secret/?key=secret"}, Index: "i"})
		if err != nil {
			t.Fatal(err)
		}
		if about := store.About().Detail; about != "i at "+c.at {
			t.Errorf("it is said to be %q", about)
		}
		if _, err = store.Search(t.Context(), search.Request{}); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.at) || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v, want %q at %s and no secret", err, c.want, c.at)
		}
	}
	if len(fake.requests) != 1 || !strings.HasPrefix(fake.requests[0], "/secret/i/") || !strings.HasSuffix(fake.requests[0], "&key=secret") {
		t.Errorf("asked %q", fake.requests)
	}
}

func TestANodeThatIsAwayIsFollowedByTheNext(t *testing.T) {
	t.Parallel()
	fake := &fakeElastic{hits: []string{noHits}}
	store := fake.start(t, search.ElasticConfig{URLs: []string{"http://127.0.0.1:1"}})
	if _, err := store.Search(t.Context(), search.Request{}); err != nil {
		t.Fatal(err)
	}
}

func TestFailuresSayWhatTheEngineSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status       int
		body, reason string
	}{
		{400, `{"error":{"type":"search_phase_execution_exception","reason":"all shards failed","root_cause":[{"type":"parsing_exception","reason":"no [x]"}]},"status":400}`, "status 400: parsing_exception: no [x]"},
		{503, `upstream down`, "status 503: upstream down"},
		{200, `<html>`, "not what was asked for"},
	} {
		fake := &fakeElastic{hits: []string{c.body}, status: c.status}
		_, err := fake.start(t, search.ElasticConfig{}).Search(t.Context(), search.Request{})
		if err == nil || !strings.Contains(err.Error(), c.reason) || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v, want %q", err, c.reason)
		}
	}
	store, err := search.NewElastic(search.ElasticConfig{URLs: []string{"http://user:secret@127.0.0.1:1"}, Index: "i"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = store.Search(t.Context(), search.Request{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v; it should not show the password", err)
	}
}

func TestACursorOfAnotherStoreIsRefused(t *testing.T) {
	t.Parallel()
	fake := &fakeElastic{}
	_, err := fake.start(t, search.ElasticConfig{}).Search(t.Context(), search.Request{Cursor: "MCBhYmM"}) // "0 abc"
	if wrong, ok := errors.AsType[*search.ParameterError](err); !ok || wrong.Parameter != "cursor" {
		t.Errorf("error %v, want one about the cursor", err)
	}
}

func TestConfigErrorsAreFoundAtOnce(t *testing.T) {
	t.Parallel()
	for _, config := range []search.ElasticConfig{
		{Index: "i"}, {URLs: []string{"http://h:1"}}, {URLs: []string{"h:9200"}, Index: "i"}, {URLs: []string{"ftp://h"}, Index: "i"}, {URLs: []string{" ", ""}, Index: "i"},
	} {
		if _, err := search.NewElastic(config); err == nil {
			t.Errorf("%+v was taken", config)
		}
	}
	// As a comma-separated setting is taken by the check of the settings.
	if _, err := search.NewElastic(search.ElasticConfig{URLs: []string{"http://a:9200", " https://b:9200 ", ""}, Index: "i"}); err != nil {
		t.Error(err)
	}
}

func TestTimesBoundTheQuery(t *testing.T) {
	t.Parallel()
	fake := &fakeElastic{hits: []string{noHits, noHits}}
	store := fake.start(t, search.ElasticConfig{})
	r, err := search.ParseRequest("from=1000&to=2020-01-01T00:00:00.000000001Z")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := store.Search(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		r.From = r.From.AddDate(-3000, 0, 0) // years that date_nanos cannot hold
	}
	got, _ := json.Marshal(fake.bodies[0]["query"])
	if want := `{"range":{"@timestamp":{"gte":"1970-01-01T00:00:01.000000000Z","lt":"2020-01-01T00:00:00.000000001Z"}}}`; string(got) != want {
		t.Errorf(" got %s\nwant %s", got, want)
	}
	got, _ = json.Marshal(fake.bodies[1]["query"])
	if want := `{"bool":{"minimum_should_match":1,"should":[{"range":{"@timestamp":{"lt":"2020-01-01T00:00:00.000000001Z"}}},{"bool":{"must_not":[{"exists":{"field":"@timestamp"}}]}}]}}`; string(got) != want {
		t.Errorf(" got %s\nwant %s", got, want)
	}
}
