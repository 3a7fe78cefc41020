package dashboard

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/dashboard/live"
	"lagermeister/stats"
)

// serveLive is serve with a hub at work.
func serveLive(t *testing.T, cfg Config) (hub *live.Hub, host string) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	hub = live.New(live.Sources{}, log, prometheus.NewRegistry())
	s, host := serve(t, cfg, stats.NewHub(), found{})
	s.SetLive(hub)
	s.SetAbout(About{Version: "1.2.3", Subject: "stats-events"})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- hub.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return hub, host
}

// stream opens the websocket.
func stream(t *testing.T, host string, header http.Header) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{streamProtocol}}
	conn, resp, err := dialer.Dial("ws://"+host+"/api/v2/stream", header)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	}
	return conn, resp, err
}

// until reads messages until one of a kind comes.
func until(t *testing.T, conn *websocket.Conn, kind string) map[string]any {
	t.Helper()
	for {
		var frame []map[string]any
		if err := conn.ReadJSON(&frame); err != nil {
			t.Fatalf("wait for %s: %v", kind, err)
		}
		for _, m := range frame {
			if m["t"] == kind {
				return m
			}
		}
	}
}

func TestAnEventIsSeenOnTheStreamAndInTheSeries(t *testing.T) {
	t.Parallel()
	hub, host := serveLive(t, Config{})
	conn, _, err := stream(t, host, nil)
	if err != nil {
		t.Fatal(err)
	}
	if conn.Subprotocol() != streamProtocol {
		t.Errorf("subprotocol %q", conn.Subprotocol())
	}
	if hello := until(t, conn, "hello"); hello["role"] != "operator" || hello["ui"] != uiVersion() {
		t.Errorf("hello is %v", hello)
	}
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"t":"sub","topics":["m"]}`)); err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	told := make(chan struct{})
	go func() { defer close(told); m = until(t, conn, "m") }()
	for open := true; open; { // the subscription may come after an event
		hub.Add(event(int(time.Now().Unix())))
		select {
		case <-told:
			open = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	if d, ok := m["d"].([]any); !ok || len(d) == 0 {
		t.Errorf("m is %v", m)
	}
	resp, body := get(t, host, "/api/v2/series?window=60")
	if resp.StatusCode != 200 || !strings.Contains(body, `"type":"Throughput"`) || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("series: %d %s", resp.StatusCode, body)
	}
	for _, query := range []string{"window=x", "window=0", "window=99999", "window=60&step=7", "window=7200&step=1"} {
		if resp, body := get(t, host, "/api/v2/series?"+query); resp.StatusCode != 400 || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", query, resp.StatusCode, body)
		}
	}
}

func TestThePageIsToldWhatItMustKnow(t *testing.T) {
	t.Parallel()
	hub, host := serveLive(t, Config{Token: "look", OperatorToken: "change", Environment: "prod-eu"})
	for token, role := range map[string]string{"look": "viewer", "change": "operator"} {
		resp, body := get(t, host, "/api/v2/boot", "Authorization", "Bearer "+token)
		var b boot
		if err := json.Unmarshal([]byte(body), &b); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%d %s, %v", resp.StatusCode, body, err)
		}
		if b.Role != role || b.ReadOnly != (role == "viewer") || b.Version != "1.2.3" || b.Environment != "prod-eu" || b.Subject != "stats-events" ||
			b.Store.Kind != "embedded" || b.UI != uiVersion() || b.History.Began != hub.Began().UnixMilli() || b.History.Fine != 3600 {
			t.Errorf("%s: %s", token, body)
		}
	}
	if resp, _ := get(t, host, "/api/v2/boot"); resp.StatusCode != 401 {
		t.Errorf("without a token: %d", resp.StatusCode)
	}
}

func TestTheStreamIsForWhomMayLookAndNotForForeignPages(t *testing.T) {
	t.Parallel()
	_, host := serveLive(t, Config{Token: "look"})
	for name, c := range map[string]struct {
		header http.Header
		want   int
	}{
		"nobody":       {http.Header{}, 401},
		"a viewer":     {http.Header{"Authorization": {"Bearer look"}}, 101},
		"our page":     {http.Header{"Authorization": {"Bearer look"}, "Origin": {"http://" + host}}, 101},
		"another page": {http.Header{"Authorization": {"Bearer look"}, "Origin": {"http://evil.example"}}, 403},
	} {
		_, resp, err := stream(t, host, c.header)
		if resp == nil || resp.StatusCode != c.want {
			t.Errorf("%s: %v, want %d", name, err, c.want)
		}
	}
	if resp, body := get(t, host, "/api/v2/stream", "Authorization", "Bearer look"); resp.StatusCode != 400 || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("without an upgrade: %d %s", resp.StatusCode, body)
	}
}

func TestAStreamsClientThatTalksTooMuchIsShutOut(t *testing.T) {
	t.Parallel()
	_, host := serveLive(t, Config{})
	for _, message := range []string{`{"t":"slow"}`, strings.Repeat("x", maxClientMessage+1)} {
		conn, _, err := stream(t, host, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 * maxClientTalk {
			if conn.WriteMessage(websocket.TextMessage, []byte(message)) != nil {
				break
			}
		}
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				break
			}
		}
	}
}
