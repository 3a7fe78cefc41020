package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/sirupsen/logrus"

	"lagermeister/dashboard"
	"lagermeister/internal/program"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// address catches where the program says it listens.
type address chan string

func (a address) Levels() []logrus.Level { return logrus.AllLevels }

func (a address) Fire(e *logrus.Entry) error {
	if e.Message == "showing live events" {
		text, _ := e.String()
		a <- regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(text)
	}
	return nil
}

func TestEventsOnNATSReachTheBrowser(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t)
	nc := streamtest.Connect(t, server)
	log := logrus.New()
	log.SetOutput(io.Discard)
	host := make(address, 1)
	log.AddHook(host)

	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, program.New(ctx, "stats_proxy", log), &settings{
			program:   own{Subject: "stats-events"},
			dashboard: dashboard.Config{BindAddress: "127.0.0.1", Token: "secret"},
			nats:      stream.DialConfig{NATSURL: server.ClientURL()},
		})
	}()
	var at string
	select {
	case at = <-host:
	case err := <-done:
		t.Fatal(err)
	}
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+at+"/messages", http.Header{"Authorization": {"Bearer secret"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const event = `{"Timestamp":1,"Value":2.5,"Sender":"tcp-receiver","SourceIP":"","MetricType":"Throughput","Threshold":null,"Aggregate":""}`
	if err := nc.Publish("stats-events", []byte(event)); err != nil {
		t.Fatal(err)
	}
	if _, data, err := conn.ReadMessage(); err != nil || string(data) != event {
		t.Errorf("got %q, %v", data, err)
	}
	for path, want := range map[string]string{"/health": "200 ok", "/ready": "200 ready", "/metrics": "401 ", "/version": "401 ", "/api/v2/search": "401 "} {
		resp, err := http.Get("http://" + at + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		status, text, _ := strings.Cut(want, " ")
		if !strings.HasPrefix(resp.Status, status) || !strings.Contains(string(body), text) {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
