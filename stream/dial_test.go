package stream_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// nobody is an address where nothing listens: no test is given a port that low.
const nobody = "127.0.0.1:1"

func TestUnreachableNATSIsSaidInOneLineATry(t *testing.T) {
	t.Parallel()
	log, hook := logtest.NewNullLogger()
	_, err := stream.Dial(t.Context(), stream.DialConfig{NATSURL: "nats://u:secret@" + nobody, Retries: 3}, "test", log)
	if exitCode(err) != 69 || !strings.Contains(err.Error(), "3 tries") || !errors.Is(err, nats.ErrNoServers) {
		t.Errorf("%v", err)
	}
	lines := warnings(t, hook)
	if len(lines) != 2 {
		t.Errorf("%d lines, want one for each try that is followed by another", len(lines))
	}
	if all := strings.Join(lines, "") + err.Error(); strings.Contains(all, "secret") {
		t.Errorf("the password is in %s", all)
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	t.Parallel()
	log, _ := logtest.NewNullLogger()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := stream.Dial(ctx, stream.DialConfig{NATSURL: "nats://" + nobody}, "test", log); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestDialSettingsThatNoTryMends(t *testing.T) {
	t.Parallel()
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, cfg := range map[string]stream.DialConfig{
		"NATS_URL=: ":                  {},
		"NATS_URL= , : ":               {NATSURL: " , "},
		"NATS_URL=localhost:4222: ":    {NATSURL: "localhost:4222"},
		"NATS_URL=nats://a,http://a: ": {NATSURL: "nats://a,http://a"},
		"NATS_URL=nats://a:0: ":        {NATSURL: "nats://a:0"},
		"NATS_URL=nats://a:65536: ":    {NATSURL: "nats://a:65536"},
		"NATS_CERT=x: ":                {NATSURL: "nats://a", NATSCert: "x"},
		"NATS_PASSWORD: ":              {NATSURL: "nats://a", NATSPassword: "x"},
		"CONNECT_RETRIES=-1: ":         {NATSURL: "nats://a", Retries: -1},
		"NATS_CERT=" + junk + ": ":     {NATSURL: "nats://a", NATSCert: junk, NATSKey: junk},
		"NATS_CA=" + junk + ": ":       {NATSURL: "nats://a", NATSCA: junk},
		"NATS_CREDS=" + junk + ": ":    {NATSURL: "nats://a", NATSCreds: junk},
		"NATS_CREDS=/nowhere: ":        {NATSURL: "nats://a", NATSCreds: "/nowhere"},
	} {
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("valid, or told as %v, want %s...", err, want)
		}
		log, _ := logtest.NewNullLogger()
		if _, err := stream.Dial(t.Context(), cfg, "test", log); exitCode(err) != 78 || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s... and exit code 78", err, want)
		}
	}
	for _, url := range []string{"nats://a:4222,", "tls://u:p@a:1, wss://b", "nats://token@[::1]:65535"} {
		if err := (&stream.DialConfig{NATSURL: url}).Validate(); err != nil {
			t.Error(err)
		}
	}
	if err := (&stream.DialConfig{NATSURL: "nats://u:se,cret@a"}).Validate(); err == nil || strings.Contains(err.Error(), "se,") {
		t.Errorf("a password with a comma: %v", err)
	}
}

func TestDialWithUserAndPassword(t *testing.T) {
	t.Parallel()
	server := streamtest.Server(t, streamtest.Extra(`authorization { user: lager, password: meister }`))
	log, _ := logtest.NewNullLogger()
	cfg := stream.DialConfig{NATSURL: server.ClientURL(), NATSUser: "lager", NATSPassword: "meister"}
	nc, err := stream.Dial(t.Context(), cfg, "es_subscriber", log)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if nc.Opts.Name != "es_subscriber" {
		t.Errorf("connected as %q", nc.Opts.Name)
	}
	cfg.NATSPassword, cfg.Retries = "wrong", 1
	if _, err := stream.Dial(t.Context(), cfg, "test", log); exitCode(err) != 69 || !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("%v", err)
	}
}

func TestTheServerIsShownWithoutPasswordAndToken(t *testing.T) {
	t.Parallel()
	for authorization, user := range map[string]string{"user: lager, password: hunter2": "lager:hunter2", "token: hunter2": "hunter2"} {
		server := streamtest.Server(t, streamtest.Extra("authorization { "+authorization+" }"))
		host := strings.TrimPrefix(server.ClientURL(), "nats://")
		log, hook := logtest.NewNullLogger()
		nc, err := stream.Dial(t.Context(), stream.DialConfig{NATSURL: "nats://" + user + "@" + host}, "test", log)
		if err != nil {
			t.Fatal(err)
		}
		if at := stream.Server(nc); !strings.HasSuffix(at, "@"+host) || strings.Contains(at, "hunter2") {
			t.Errorf("connected to %s", at)
		}
		if said, _ := hook.LastEntry().String(); !strings.Contains(said, host) || strings.Contains(said, "hunter2") {
			t.Errorf("the log says %s", said)
		}
		nc.Close()
		if at := stream.Server(nc); at != "" {
			t.Errorf("still connected to %s", at)
		}
	}
}

func TestConnectionComesBackAfterTheServer(t *testing.T) {
	t.Parallel()
	server := streamtest.NewProcess(t)
	log, hook := logtest.NewNullLogger()
	nc, err := stream.Dial(t.Context(), stream.DialConfig{NATSURL: server.URL}, "test", log)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	server.Kill()
	streamtest.Eventually(t, "the loss is noticed", func() bool { return !nc.IsConnected() })
	if err := nc.Publish("x", nil); err == nil {
		t.Error("a publish without a server was taken")
	}
	server.Start()
	streamtest.Eventually(t, "connected again", nc.IsConnected)
	streamtest.Eventually(t, "the log says so", func() bool {
		lost, back := false, false
		for _, e := range hook.AllEntries() {
			lost = lost || strings.HasPrefix(e.Message, "NATS connection lost")
			back = back || strings.HasPrefix(e.Message, "reconnected")
		}
		return lost && back
	})
}
