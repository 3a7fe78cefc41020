package main

import (
	"context"
	"encoding/json"
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

func TestSettingsOnThePageShowNoSecret(t *testing.T) {
	const canary = "hunter2"
	for _, part := range new(settings).parts() {
		for _, s := range part.Settings() {
			if strings.HasSuffix(s.Name, "_URL") != s.URL {
				t.Errorf("%s: a variable of URLs is called _URL and has the tag url, others have neither", s.Name)
			}
		}
	}
	for name, value := range map[string]string{
		"PROXY_TOKEN": canary, "PROXY_OPERATOR_TOKEN": canary + "2", "PROXY_NATS_URL": "nats://" + canary + "@a:4222,nats://u:" + canary + "@b",
		"PROXY_NATS_USER": "me", "PROXY_NATS_PASSWORD": canary, "PROXY_REMOTE_URL": "https://u:" + canary + "@es/" + canary, "PROXY_REMOTE_BEARER_TOKEN": canary,
	} {
		t.Setenv(name, value)
	}
	var s settings
	if _, err := program.Configure("stats_proxy", nil, io.Discard, s.parts()...); err != nil {
		t.Fatal(err)
	}
	list := s.effective()
	all, _ := json.Marshal(list)
	for _, want := range []string{`"PROXY_NATS_URL","value":"nats://a:4222, nats://b"`, `"PROXY_REMOTE_URL","value":"https://es"`, `"PROXY_NATS_USER","value":"me"`,
		`"PROXY_REMOTE_BEARER_TOKEN","value":"","default":"","changed":true`} {
		if !strings.Contains(string(all), want) {
			t.Errorf("%s is not in %s", want, all)
		}
	}
	if strings.Contains(string(all), canary) || list[0].Name != "PROXY_LOGGING_LEVEL" {
		t.Errorf("a secret is shown, or the order is not that of --help: %s", all)
	}
}
