package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lagermeister/stats"
)

// pauses takes what it is told, for the groups that it knows.
type pauses struct {
	until time.Time
	who   string
	calls int
}

func (p *pauses) Pause(_ context.Context, stream, group string, until time.Time, who string) error {
	switch {
	case group == "old":
		return fmt.Errorf("%w, this one is 2.10.1", ErrCannotPause)
	case group == "away":
		return errors.New("no answer")
	case stream != "logs" || group != "es":
		return fmt.Errorf("%w %q of stream %q", ErrNoGroup, group, stream)
	}
	p.until, p.who = until, who
	p.calls++
	return nil
}

func TestOnlyOperatorsPauseAGroupAndNotForEver(t *testing.T) {
	t.Parallel()
	hub := stats.NewHub()
	t.Cleanup(hub.Close)
	s, host := serve(t, Config{Token: "look", OperatorToken: "change"}, hub, nil)
	p := new(pauses)
	s.SetPauser(p)
	const good = `{"stream":"logs","group":"es","seconds":3600}`
	look, change := []string{"Authorization", "Bearer look"}, []string{"Authorization", "Bearer change"}
	for _, c := range []struct {
		name, path, body string
		header           []string
		status           int
		says             string
	}{
		{"nobody", "pause", good, nil, 401, "token"},
		{"a viewer", "pause", good, look, 403, "operator"},
		{"a viewer resumes", "resume", `{"stream":"logs","group":"es"}`, look, 403, "operator"},
		{"another site's page", "pause", good, append([]string{"Sec-Fetch-Site", "cross-site"}, change...), 403, "foreign"},
		{"an older browser", "resume", `{"stream":"logs","group":"es"}`, append([]string{"Origin", "http://evil.example"}, change...), 403, "foreign"},
		{"a form", "pause", good, append([]string{"Content-Type", "text/plain"}, change...), 415, "application/json"},
		{"too short", "pause", `{"stream":"logs","group":"es","seconds":59}`, change, 400, "60 to 604800"},
		{"too long", "pause", `{"stream":"logs","group":"es","seconds":604801}`, change, 400, "60 to 604800"},
		{"for ever", "pause", `{"stream":"logs","group":"es"}`, change, 400, "60 to 604800"},
		{"misspelt", "pause", `{"stream":"logs","group":"es","second":60}`, change, 400, "second"},
		{"no JSON", "resume", `x`, change, 400, "read the body"},
		{"endless", "resume", `{"group":"` + strings.Repeat("x", maxPauseBody) + `"}`, change, 400, "too large"},
		{"no such group", "pause", `{"stream":"logs","group":"LM_LEDGER","seconds":60}`, change, 404, "LM_LEDGER"},
		{"an old server", "pause", `{"stream":"logs","group":"old","seconds":60}`, change, 501, "2.10.1"},
		{"a server that is away", "resume", `{"stream":"logs","group":"away"}`, change, 503, "no answer"},
	} {
		status, body := send(t, "POST", host, "/api/v2/consumers/"+c.path, c.body, c.header...)
		if status != c.status || !strings.Contains(body, c.says) || !strings.Contains(body, `"title"`) {
			t.Errorf("%s: status %d, want %d with %q: %s", c.name, status, c.status, c.says, body)
		}
	}
	if p.calls != 0 {
		t.Fatalf("%d of these did something", p.calls)
	}

	before := time.Now()
	status, body := send(t, "POST", host, "/api/v2/consumers/pause", good, change...)
	var answer struct {
		Until *time.Time `json:"paused_until"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 || answer.Until == nil {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	if !answer.Until.Equal(p.until) || p.until.Before(before.Add(time.Hour-time.Second)) || p.until.After(time.Now().Add(time.Hour)) || p.who != "operator token at 127.0.0.1" {
		t.Errorf("paused until %v by %q, said %v; it was %v", p.until, p.who, answer.Until, before)
	}
	if status, body = send(t, "POST", host, "/api/v2/consumers/resume", `{"stream":"logs","group":"es"}`, change...); status != 200 || !strings.Contains(body, `"paused_until":null`) || !p.until.IsZero() {
		t.Errorf("status %d, until %v: %s", status, p.until, body)
	}
}
