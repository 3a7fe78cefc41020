package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"lagermeister/heka"
	"lagermeister/internal/program"
	"lagermeister/stream/streamtest"
)

// start runs the program against a NATS server of its own, listening on any port,
// and returns where. stop asks it to stop and returns what run says.
func start(t *testing.T, natsURL string) (addr string, stop func() error) {
	t.Helper()
	var s settings
	if _, err := program.Configure("http_receiver", nil, io.Discard, s.parts()...); err != nil {
		t.Fatal(err)
	}
	s.nats.NATSURL = natsURL
	s.receiver.BindAddress = "127.0.0.1:0"
	s.program.StatsAddress = "127.0.0.1:0"

	log, hook := logtest.NewNullLogger()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, program.New(ctx, "http_receiver", log), &s) }()
	streamtest.Eventually(t, "listening", func() bool {
		for _, entry := range hook.AllEntries() {
			if a, ok := entry.Data["address"].(net.Addr); ok && entry.Level == logrus.InfoLevel {
				addr = a.String()
			}
		}
		return addr != ""
	})
	return addr, func() error { cancel(); return <-ended }
}

// record is a valid message.
func record() []byte {
	return (&heka.Draft{Hostname: "host.example.com", Payload: "hello"}).Append(nil)
}

// 200 means stored: the record is in the stream by then.
func TestARecordThatIsAnsweredIsStored(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t)
	addr, stop := start(t, server.ClientURL())
	resp, err := http.Post("http://"+addr+"/", "application/octet-stream", bytes.NewReader(record()))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Lm-Stored") != "1" {
		t.Fatalf("answer %s, Lm-Stored %q", resp.Status, resp.Header.Get("Lm-Stored"))
	}
	js := streamtest.JetStream(t, streamtest.Connect(t, server))
	s, err := js.Stream(streamtest.Context(t), "lagermeister-test")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(streamtest.Context(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := heka.AppendFrame(nil, record()); !bytes.Equal(m.Data, want) {
		t.Errorf("stream holds %q, want %q", m.Data, want)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
