package deadletter

import (
	"bufio"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"lagermeister/stream"
)

// lines asks for a change line by line.
func lines(t *testing.T, a *API, target, body string) (status int, kind string, list []map[string]any) {
	t.Helper()
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json;q=0.5, "+ndjson)
	w := httptest.NewRecorder()
	a.Change(w, r, "tester")
	scan := bufio.NewScanner(w.Body)
	for scan.Scan() {
		var line map[string]any
		if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, scan.Text())
		}
		list = append(list, line)
	}
	return w.Code, w.Header().Get("Content-Type"), list
}

func TestAChangeTellsItsProgressLineByLineToWhoAsks(t *testing.T) {
	t.Parallel()
	ctx, js, b := fill(t, 30)
	if err := stream.EnsureReplay(ctx, js, stream.Config{StreamReplicas: 1}, quiet()); err != nil {
		t.Fatal(err)
	}
	a := NewAPI(js, quiet())
	status, kind, list := lines(t, a, "/api/v2/dead/drop", `{"yes":true,"rate":30}`) // takes a second
	if status != 200 || kind != ndjson || len(list) < 3 {
		t.Fatalf("status %d, %s, %v", status, kind, list)
	}
	before := 0.0
	for _, line := range list[:len(list)-1] {
		selected, ok := line["selected"].(float64)
		if !ok || selected <= before {
			t.Errorf("after %v letters the next line is %v", before, line)
		}
		before = selected
	}
	result, _ := list[len(list)-1]["result"].(map[string]any)
	if result["done"] != 30.0 || result["stream"] != "main" || b.size(t, ctx) != 0 {
		t.Errorf("last comes %v", list[len(list)-1])
	}
	if status, kind, list := lines(t, a, "/api/v2/dead/drop", `{}`); status != 400 || kind != "application/problem+json" || len(list) != 1 {
		t.Errorf("an error before it has begun: %d, %s, %v", status, kind, list)
	}
}

func TestTheAuditIsReadNewestFirstAndBounded(t *testing.T) {
	t.Parallel()
	ctx, js, _ := fill(t, 10)
	a := NewAPI(js, quiet())
	var audit struct{ Entries []Audit }
	if status, text := ask(t, a, "GET", "/api/v2/dead/audit", "", &audit); status != 200 || strings.TrimSpace(text) != `{"entries":[]}` {
		t.Fatalf("before anything was changed: %d %s", status, text)
	}
	for _, group := range []string{"group", "other"} {
		if status, text := ask(t, a, "POST", "/api/v2/dead/drop", `{"yes":true,"group":"`+group+`"}`, nil); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	if _, err := js.Publish(ctx, stream.AuditSubject("main"), []byte("not ours")); err != nil {
		t.Fatal(err)
	}
	if status, text := ask(t, a, "GET", "/api/v2/dead/audit", "", &audit); status != 200 || len(audit.Entries) != 4 {
		t.Fatalf("%d %s", status, text)
	}
	for i, want := range []struct{ state, group string }{{"done", "other"}, {"begun", "other"}, {"done", "group"}, {"begun", "group"}} {
		e := audit.Entries[i]
		filter, _ := e.Filter.(map[string]any)
		if e.State != want.state || filter["group"] != want.group || e.Who != "tester" || e.Action != "drop" {
			t.Errorf("entry %d is %+v", i, e)
		}
	}
	if ask(t, a, "GET", "/api/v2/dead/audit?limit=3", "", &audit); len(audit.Entries) != 3 {
		t.Errorf("%d entries", len(audit.Entries))
	}
	s, err := js.Stream(ctx, stream.Audit)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Consumers; n != 0 {
		t.Errorf("reading it has left %d consumers", n)
	}
}
