package deadletter

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"lagermeister/stream"
)

// ask sends one request to an API and reads the answer into a value.
func ask(t *testing.T, a *API, method, target, body string, into any) (status int, text string) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	w := httptest.NewRecorder()
	if method == "POST" {
		a.Change(w, r, "tester")
	} else {
		a.ServeHTTP(w, r)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatalf("%s %s: %v: %s", method, target, err, w.Body)
		}
	}
	return w.Code, w.Body.String()
}

func TestDeadLettersOverHTTP(t *testing.T) {
	t.Parallel()
	ctx, js, b := fill(t, 30)
	if err := stream.EnsureReplay(ctx, js, stream.Config{StreamReplicas: 1}, quiet()); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.EnsureReplayConsumer(ctx, js, "main", "group"); err != nil {
		t.Fatal(err)
	}
	a := NewAPI(js, quiet())

	var all struct{ Streams []Summary }
	if status, text := ask(t, a, "GET", "/api/v2/dead", "", &all); status != 200 || len(all.Streams) != 1 || all.Streams[0].Letters != 30 || len(all.Streams[0].Kinds) != 4 {
		t.Fatalf("status %d: %s", status, text)
	}
	kind := all.Streams[0].Kinds[0]

	var page Listing
	if status, text := ask(t, a, "GET", "/api/v2/dead/entries?limit=7&reason="+kind.Fingerprint+"&group="+kind.Group, "", &page); status != 200 || len(page.Entries) != 7 || page.Next == 0 {
		t.Errorf("status %d: %s", status, text)
	}
	var one Listing
	if status, text := ask(t, a, "GET", "/api/v2/dead/entry?which="+page.Entries[0].Position, "", &one); status != 200 || len(one.Entries) != 1 ||
		!strings.Contains(string(one.Entries[0].Record), "record ") || len(one.Entries[0].Frame) == 0 {
		t.Errorf("status %d: %s", status, text)
	}

	for _, c := range []struct {
		method, target, body string
		status               int
		says                 string
	}{
		{"GET", "/api/v2/dead?match=Type+%3D%3D", "", 400, ""},
		{"GET", "/api/v2/dead?from=yesterday", "", 400, "from"},
		{"GET", "/api/v2/dead?stream=none", "", 404, ""},
		{"GET", "/api/v2/dead?stream=a.b", "", 404, ""},
		{"GET", "/api/v2/dead/entries?limit=many", "", 400, "limit"},
		{"GET", "/api/v2/dead/entry?which=77.7", "", 404, "no such"},
		{"GET", "/api/v2/dead/other", "", 404, ""},
		{"POST", "/api/v2/dead/drop", `{}`, 400, "yes"},
		{"POST", "/api/v2/dead/drop", `{"group":"group","rat":1}`, 400, "rat"},
		{"POST", "/api/v2/dead/drop", `{"yes":true,"match":"` + strings.Repeat(" ", maxAsked) + `"}`, 400, "too large"},
		{"POST", "/api/v2/dead/drop", `{"rate":-1,"yes":true}`, 400, "rate"},
		{"POST", "/api/v2/dead/drop", `{"dry_run":true,"match":"Type =="}`, 400, ""},
		{"POST", "/api/v2/dead/drop", `{"dry_run":true,"group":"other"}`, 200, `"selected":15`},
		{"POST", "/api/v2/dead/drop", `{"dry_run":true,"subjects":["lm.dead.main.group.99.1.0","lm.dead.main.other.99.2.1"]}`, 200, `"selected":2`},
		{"POST", "/api/v2/dead/drop", `{"yes":true,"subjects":["lm.dead.main.>"]}`, 400, "not the subject"},
		{"POST", "/api/v2/dead/replay", `{"rate":10000}`, 200, `"done":15`},
		{"POST", "/api/v2/dead/drop", `{"group":"other","yes":true}`, 200, `"done":15`},
		{"POST", "/api/v2/dead/drop", `{"stream":"main","yes":true}`, 200, `"done":15`},
	} {
		if status, text := ask(t, a, c.method, c.target, c.body, nil); status != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s %s %.99s: status %d, want %d with %q: %s", c.method, c.target, c.body, status, c.status, c.says, text)
		}
	}
	if n := b.size(t, ctx); n != 0 {
		t.Errorf("%d letters are left", n)
	}
	if list := audits(t, ctx, js); len(list) != 6 || list[5].Who != "tester" {
		t.Errorf("%+v", list)
	}
}
