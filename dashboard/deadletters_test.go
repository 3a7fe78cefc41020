package dashboard

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lagermeister/stats"
)

// letters answers what it was asked.
type letters struct{}

func (letters) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, "look ", r.URL.Path)
}

func (letters) Change(w http.ResponseWriter, r *http.Request, who string) {
	fmt.Fprint(w, "change ", r.URL.Path, " by ", who)
}

func TestViewersLookAtDeadLettersAndOperatorsChangeThem(t *testing.T) {
	t.Parallel()
	guarded := Config{Token: "look", OperatorToken: "change"}
	for _, c := range []struct {
		name         string
		cfg          Config
		method, path string
		header       []string
		status       int
		body         string
	}{
		{"nobody looks", guarded, "GET", "/api/v2/dead", nil, 401, ""},
		{"a viewer looks", guarded, "GET", "/api/v2/dead", []string{"Authorization", "Bearer look"}, 200, "look /api/v2/dead"},
		{"a viewer looks at entries", guarded, "GET", "/api/v2/dead/entries", []string{"Authorization", "Bearer look"}, 200, "look /api/v2/dead/entries"},
		{"a viewer changes nothing", guarded, "POST", "/api/v2/dead/drop", []string{"Authorization", "Bearer look"}, 403, ""},
		{"nobody changes anything", guarded, "POST", "/api/v2/dead/replay", nil, 401, ""},
		{"an operator drops", guarded, "POST", "/api/v2/dead/drop", []string{"Authorization", "Bearer change"}, 200, "change /api/v2/dead/drop by operator token at 127.0.0.1"},
		{"an operator's page replays", guarded, "POST", "/api/v2/dead/replay", []string{"Cookie", cookie + "=" + sessionOf("change"), "Sec-Fetch-Site", "same-origin"}, 200, "change /api/v2/dead/replay by operator token at 127.0.0.1"},
		{"another site's page does not", guarded, "POST", "/api/v2/dead/replay", []string{"Cookie", cookie + "=" + sessionOf("change"), "Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"nor in an older browser", guarded, "POST", "/api/v2/dead/replay", []string{"Authorization", "Bearer change", "Origin", "http://evil.example"}, 403, ""},
		{"nor without tokens", Config{}, "POST", "/api/v2/dead/drop", []string{"Origin", "http://evil.example"}, 403, ""},
		{"nor one that may read", Config{AllowedOrigins: []string{"wall.example"}}, "POST", "/api/v2/dead/drop", []string{"Origin", "http://wall.example"}, 403, ""},
		{"this machine changes without tokens", Config{}, "POST", "/api/v2/dead/drop", nil, 200, "change /api/v2/dead/drop by anybody at 127.0.0.1"},
		{"others look where that is allowed", Config{BindAddress: "0.0.0.0", Insecure: true}, "GET", "/api/v2/dead", nil, 200, "look /api/v2/dead"},
		{"and change nothing", Config{BindAddress: "0.0.0.0", Insecure: true}, "POST", "/api/v2/dead/drop", nil, 403, ""},
		{"looking is no change", guarded, "GET", "/api/v2/dead/drop", []string{"Authorization", "Bearer look"}, 404, "application/problem+json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hub := stats.NewHub()
			t.Cleanup(hub.Close)
			s, host := serve(t, c.cfg, hub, nil)
			s.SetDeadLetters(letters{})
			_, port, _ := strings.Cut(strings.ReplaceAll(host, "[::]", "any"), ":")
			req, err := http.NewRequest(c.method, "http://127.0.0.1:"+port+c.path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			for i := 0; i < len(c.header); i += 2 {
				req.Header.Set(c.header[i], c.header[i+1])
			}
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var body strings.Builder
			if err := resp.Write(&body); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status || !strings.Contains(body.String(), c.body) {
				t.Errorf("status %d, want %d with %q: %s", resp.StatusCode, c.status, c.body, body.String())
			}
		})
	}
}
