package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/sirupsen/logrus"

	"lagermeister/search"
	"lagermeister/stats"
)

// found is a store that always finds the same.
type found struct{ search.Store }

func (found) About() search.About { return search.About{Kind: search.KindEmbedded} }

func (found) Search(context.Context, search.Request) (search.Answer, error) {
	return search.Answer{Total: 1, TotalIs: search.Exact, Records: []search.Record{{ID: "a", Doc: json.RawMessage("{}")}}}, nil
}

// serve starts a dashboard on a free port and returns its host.
func serve(t *testing.T, cfg Config, feed Feed, store search.Store) (s *Server, host string) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	if cfg.BindAddress == "" {
		cfg.BindAddress = "127.0.0.1"
	}
	s, err := New(cfg, feed, store, log)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	t.Cleanup(func() {
		s.Shutdown()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, s.Addr().String()
}

// get asks for a path; header holds name, value pairs.
// send sends a body, as JSON unless header says otherwise, and returns the answer's
// status and body.
func send(t *testing.T, method, host, path, body string, header ...string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+host+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func get(t *testing.T, host, path string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest("GET", "http://"+host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func dial(t *testing.T, host string, header http.Header) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.Dial("ws://"+host+"/messages", header)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	}
	return conn, resp, err
}

func event(n int) []byte {
	return fmt.Appendf(nil, `{"Timestamp":%d,"Value":2.5,"Sender":"tcp-receiver","SourceIP":"","MetricType":"Throughput","Threshold":null,"Aggregate":""}`, n)
}

func TestMessagesAreTheRawEventsRecentOnesFirst(t *testing.T) {
	t.Parallel()
	hub := stats.NewHub()
	_, host := serve(t, Config{}, hub, nil)
	for n := range 600 {
		hub.Publish(event(n))
	}
	conn, _, err := dial(t, host, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 100; n < 700; n++ {
		if n >= 600 {
			hub.Publish(event(n))
		}
		kind, data, err := conn.ReadMessage()
		if err != nil || kind != websocket.TextMessage || string(data) != string(event(n)) {
			t.Fatalf("frame %d is %q (type %d), %v", n, data, kind, err)
		}
	}
}

func TestConfigIsThatOfTheOriginal(t *testing.T) {
	t.Parallel()
	hub := stats.NewHub()
	_, host := serve(t, Config{}, hub, nil)
	if _, body := get(t, host, "/config"); body != "{}" {
		t.Errorf("at first it is %q", body)
	}
	hub.Publish(event(1))
	hub.Publish([]byte(`{"Timestamp":1,"Value":2,"Sender":"http-output","SourceIP":"","MetricType":"Lag","Threshold":{"Warn":30,"Error":60},"Aggregate":"Total"}`))
	resp, body := get(t, host, "/config", "Origin", "http://"+host)
	if body != `{"Lag":{"http-output":true},"Throughput":{"tcp-receiver":true}}` {
		t.Errorf("config is %q", body)
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Origin": "http://" + host} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if resp, _ := get(t, host, "/config", "Origin", "http://evil.example"); resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a foreign page may read it")
	}
}

func TestSlowViewerIsCutOffAndQuickOnesGoOn(t *testing.T) {
	t.Parallel()
	hub := stats.NewHub()
	_, host := serve(t, Config{}, hub, nil)
	slow, _, err := dial(t, host, nil)
	if err != nil {
		t.Fatal(err)
	}
	quick, _, err := dial(t, host, nil)
	if err != nil {
		t.Fatal(err)
	}
	padded := append(event(1), strings.Repeat(" ", 4000)...)
	deadline := time.Now().Add(time.Minute)
	for { // until the slow one's socket buffers and queue are full
		hub.Publish(padded)
		if _, _, err := quick.ReadMessage(); err != nil {
			t.Fatal(err)
		}
		if _, cut := hub.Viewers(); cut > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody was cut off")
		}
	}
	_ = slow.SetReadDeadline(deadline)
	for {
		if _, _, err := slow.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, websocket.CloseTryAgainLater) {
				t.Errorf("the slow one was told %v", err)
			}
			break
		}
	}
	hub.Publish(event(2))
	if _, data, err := quick.ReadMessage(); err != nil || string(data) != string(event(2)) {
		t.Errorf("the quick one got %q, %v", data, err)
	}
}

func TestForeignPagesAreRefused(t *testing.T) {
	t.Parallel()
	_, host := serve(t, Config{AllowedOrigins: []string{"logs.example.com", "other.example:8080"}}, stats.NewHub(), nil)
	for origin, want := range map[string]int{
		"":                           101,
		"http://" + host:             101,
		"https://logs.example.com":   101,
		"http://other.example:8080":  101,
		"http://evil.example":        403,
		"http://other.example":       403,
		"http://localhost:1":         403,
		"null":                       403,
		"http://x" + host:            403,
		"https://logs.example.com.x": 403,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		_, resp, err := dial(t, host, header)
		if resp == nil || resp.StatusCode != want {
			t.Errorf("origin %q: %v, want %d", origin, err, want)
		}
	}
	for name, want := range map[string]int{"localhost:9010": 200, "[::1]:1": 200, "127.0.0.1": 200, "logs.example.com": 200, "rebound.example": 403, "": 200} {
		header := []string{}
		if name != "" {
			header = []string{"Host", name}
		}
		if resp, body := get(t, host, "/config", header...); resp.StatusCode != want {
			t.Errorf("host %q: %d %s", name, resp.StatusCode, body)
		}
	}
}

func TestTokensAreNeededWhenSet(t *testing.T) {
	t.Parallel()
	s, host := serve(t, Config{Token: "view-me", OperatorToken: "do-things"}, stats.NewHub(), found{})
	s.HandlePublic("/health", "/health", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, path := range []string{"/config", "/messages", "/api/v2/search", "/api/v2/status", "/", "/no/such", "/config?token=view-me"} {
		for _, header := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Authorization", "Bearer "}, {"Authorization", "Basic view-me"},
			{"Cookie", cookie + "=view-me"}, {"Cookie", cookie + "="}} {
			if resp, _ := get(t, host, path, header...); resp.StatusCode != 401 {
				t.Errorf("%s with %q: %d", path, header, resp.StatusCode)
			}
		}
	}
	for _, path := range []string{"/health", "/app.js", "/app.css"} {
		if resp, _ := get(t, host, path); resp.StatusCode != 200 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	for _, token := range []string{"view-me", "do-things"} {
		if resp, _ := get(t, host, "/api/v2/search", "Authorization", "Bearer "+token); resp.StatusCode != 200 {
			t.Errorf("with %s: %d", token, resp.StatusCode)
		}
		if _, _, err := dial(t, host, http.Header{"Authorization": {"Bearer " + token}}); err != nil {
			t.Errorf("websocket with %s: %v", token, err)
		}
	}
	if _, _, err := dial(t, host, nil); err == nil {
		t.Error("a websocket without a token")
	}
}

func TestLoginGivesACookieThatNoScriptAndNoOtherSiteCanUse(t *testing.T) {
	t.Parallel()
	_, host := serve(t, Config{Token: "view-me"}, stats.NewHub(), nil)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm("http://"+host+"/search?q=x", url.Values{"token": {"wrong"}})
	if err != nil || len(resp.Cookies()) != 0 {
		t.Fatalf("wrong token: %v, %v", resp.Cookies(), err)
	}
	if page, _ := io.ReadAll(resp.Body); resp.StatusCode != 401 || strings.Contains(string(page), " hidden>") {
		t.Errorf("wrong token: it is not said: %d %s", resp.StatusCode, page)
	}
	resp.Body.Close()
	// As a browser sends a form of ours under our policy: no-referrer would make its origin null.
	if policy := resp.Header.Get("Referrer-Policy"); policy != "same-origin" {
		t.Errorf("Referrer-Policy is %q", policy)
	}
	if resp, err = client.Post("http://"+host+"/?token=view-me", "", nil); err != nil || len(resp.Cookies()) != 0 {
		t.Fatalf("token in the URL: %v, %v", resp.Cookies(), err)
	}
	resp.Body.Close()
	if resp, err = client.PostForm("http://"+host+"/search?q=x", url.Values{"token": {"view-me"}}); err != nil || len(resp.Cookies()) != 1 {
		t.Fatalf("right token: %v, %v", resp.Cookies(), err)
	}
	if to := resp.Header.Get("Location"); resp.StatusCode != 303 || to != "/search?q=x" {
		t.Errorf("it leads to %q (%d), not to the page that was asked for", to, resp.StatusCode)
	}
	resp.Body.Close()
	c := resp.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(c.Value, "view-me") {
		t.Errorf("cookie is %+v", c)
	}
	session := []string{"Cookie", c.Name + "=" + c.Value}
	if resp, body := get(t, host, "/", session...); resp.StatusCode != 200 || !strings.Contains(body, "app.js") {
		t.Errorf("page with the cookie: %d", resp.StatusCode)
	}
	if _, _, err := dial(t, host, http.Header{"Cookie": {session[1]}, "Origin": {"http://" + host}}); err != nil {
		t.Errorf("websocket with the cookie: %v", err)
	}
	if _, body := get(t, host, "/"); !strings.Contains(body, `name="token"`) {
		t.Errorf("without it the page is %q", body)
	}
}

func TestBeyondLoopbackOnlyWithATokenOrOnPurpose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cfg Config
		bad string
	}{
		{Config{BindAddress: "127.0.0.1", HTTPPort: 9010}, ""},
		{Config{BindAddress: "::1"}, ""},
		{Config{BindAddress: "localhost"}, ""},
		{Config{BindAddress: "0.0.0.0"}, "BIND_ADDRESS=0.0.0.0"},
		{Config{BindAddress: ""}, "BIND_ADDRESS="},
		{Config{BindAddress: "logs.example.com"}, "PROXY_TOKEN"},
		{Config{BindAddress: "0.0.0.0", Token: "t"}, ""},
		{Config{BindAddress: "0.0.0.0", OperatorToken: "t"}, ""},
		{Config{BindAddress: "0.0.0.0", Insecure: true}, ""},
		{Config{BindAddress: "127.0.0.1", HTTPPort: 70000}, "HTTP_PORT=70000"},
		{Config{BindAddress: "127.0.0.1", Token: "a b"}, "TOKEN: expected"},
		{Config{BindAddress: "127.0.0.1", AllowedOrigins: []string{"https://x"}}, "ALLOWED_ORIGINS"},
	} {
		err := c.cfg.Validate()
		if (err == nil) != (c.bad == "") || err != nil && (!strings.Contains(err.Error(), c.bad) || strings.Contains(err.Error(), "a b")) {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
}

func TestPageNeedsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	s, host := serve(t, Config{}, stats.NewHub(), nil)
	s.SetVersion("1.2.3")
	s.Check(func() []string { return []string{"broker"} })
	for _, path := range append(pages, "/app.js", "/app.css", "/icon.svg") {
		resp, body := get(t, host, path)
		// The only "://" are names of XML namespaces, which nobody fetches.
		if resp.StatusCode != 200 || strings.Contains(strings.ReplaceAll(body, "http://www.w3.org/", ""), "://") {
			t.Errorf("%s: %d, or it names another place", path, resp.StatusCode)
		}
		if strings.HasPrefix(body, "<!doctype") && (strings.Contains(body, " style=") || strings.Contains(body, "<script>")) {
			t.Errorf("%s has what the policy forbids", path)
		}
		if !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s has no policy", path)
		}
	}
	if _, body := get(t, host, "/api/v2/status"); strings.TrimSpace(body) != `{"not_ready":["broker"],"version":"1.2.3"}` {
		t.Errorf("status is %s", body)
	}
	if resp, body := get(t, host, "/api/v2/search"); resp.StatusCode != 501 || !strings.Contains(body, "PROXY_REMOTE_URL") {
		t.Errorf("search without a store: %d %s", resp.StatusCode, body)
	}
}

func TestTalkativeClientIsShutOut(t *testing.T) {
	t.Parallel()
	hub := stats.NewHub()
	_, host := serve(t, Config{}, hub, nil)
	for _, message := range []string{"x", strings.Repeat("x", maxClientMessage+1)} {
		conn, _, err := dial(t, host, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 * maxClientTalk {
			if conn.WriteMessage(websocket.TextMessage, []byte(message)) != nil {
				break
			}
		}
		if _, _, err := conn.ReadMessage(); err == nil {
			t.Error("it is still let talk")
		}
	}
}

func TestThereIsALimitOfViewersAndShutdownEndsThem(t *testing.T) {
	t.Parallel()
	s, host := serve(t, Config{}, stats.NewHub(), nil)
	var conns []*websocket.Conn
	for range maxSockets {
		conn, _, err := dial(t, host, nil)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	if _, resp, err := dial(t, host, nil); err == nil || resp.StatusCode != 503 {
		t.Errorf("one more: %v", err)
	}
	s.Shutdown()
	for _, conn := range conns {
		if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Errorf("told %v", err)
		}
	}
}
