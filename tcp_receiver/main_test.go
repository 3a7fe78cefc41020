package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"lagermeister/heka"
	"lagermeister/internal/program"
	"lagermeister/stream/streamtest"
)

// start runs the program against a NATS server, listening on any port, and returns
// where. stop asks it to stop and returns what run says.
func start(t *testing.T, natsURL string, changes ...func(*settings)) (addr string, log *logtest.Hook, stop func() error) {
	t.Helper()
	var s settings
	if _, err := program.Configure("tcp_receiver", nil, io.Discard, s.parts()...); err != nil {
		t.Fatal(err)
	}
	s.nats.NATSURL = natsURL
	s.receiver.BindAddress = "127.0.0.1:0"
	s.program.StatsAddress = "127.0.0.1:0"
	for _, change := range changes {
		change(&s)
	}

	logger, hook := logtest.NewNullLogger()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, program.New(ctx, "tcp_receiver", logger), &s) }()
	streamtest.Eventually(t, "listening", func() bool {
		for _, entry := range hook.AllEntries() {
			if a, ok := entry.Data["address"].(net.Addr); ok && entry.Level == logrus.InfoLevel {
				addr = a.String()
			}
		}
		return addr != ""
	})
	return addr, hook, func() error { cancel(); return <-ended }
}

// record is a valid message.
func record() []byte {
	return (&heka.Draft{Hostname: "host.example.com", Payload: "hello"}).Append(nil)
}

// What a client sent right before the signal is stored before the program ends.
func TestRecordsOnTheirWayAreStoredAtShutdown(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t)
	addr, _, stop := start(t, server.ClientURL())
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	frame := heka.AppendFrame(nil, record())
	if _, err := c.Write(append(frame, frame...)); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	js := streamtest.JetStream(t, streamtest.Connect(t, server))
	s, err := js.Stream(streamtest.Context(t), "lagermeister-test")
	if err != nil {
		t.Fatal(err)
	}
	var stored []byte
	for seq := range s.CachedInfo().State.LastSeq {
		m, err := s.GetMsg(streamtest.Context(t), seq+1)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, m.Data...)
	}
	if string(stored) != string(frame)+string(frame) {
		t.Errorf("stream holds %q, want two times %q", stored, frame)
	}
}

func TestRecordsThatTheStreamNeverTookAreToldAtShutdown(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t)
	js := streamtest.JetStream(t, streamtest.Connect(t, server))
	if _, err := js.CreateStream(streamtest.Context(t), jetstream.StreamConfig{
		Name: "full", Subjects: []string{"lagermeister-test"}, MaxBytes: 64, Discard: jetstream.DiscardNew,
	}); err != nil {
		t.Fatal(err)
	}
	addr, log, stop := start(t, server.ClientURL(), func(s *settings) { s.publisher.DrainTimeout = 50 * time.Millisecond })
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	frame := heka.AppendFrame(nil, record())
	if _, err := c.Write(append(frame, frame...)); err != nil {
		t.Fatal(err)
	}
	says := func(message string) *logrus.Entry {
		for _, e := range log.AllEntries() {
			if strings.HasPrefix(e.Message, message) {
				return e
			}
		}
		return nil
	}
	streamtest.Eventually(t, "the stream has refused them", func() bool { return says("nothing can be stored") != nil })

	err = stop()
	var coded interface{ ExitCode() int }
	if !errors.As(err, &coded) || coded.ExitCode() != program.ExitIncomplete || !strings.Contains(err.Error(), "2 records") {
		t.Errorf("ends with %v, want exit code 75 and 2 records", err)
	}
	if e := says("closed with records"); e == nil || e.Data["records"] != int64(2) || !strings.Contains(fmt.Sprint(e.Data["error"]), "maximum bytes exceeded") {
		t.Errorf("the log says %+v, want 2 records and why", e)
	}
}
