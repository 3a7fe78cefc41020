// Package streamtest gives a test its own NATS server with JetStream: a random
// port, a store in t.TempDir, gone when the test ends.
package streamtest

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/internal/natsserver"
)

// Timeout is how long a test waits for something before it gives up, on a slow
// and busy machine too.
const Timeout = time.Minute

// Option changes the server's settings before it starts.
type Option func(*natsserver.Config)

// SyncAlways makes the server fsync before each acknowledgement.
func SyncAlways(c *natsserver.Config) { c.SyncAlways = true }

// Store keeps the data in dir, so that a second server can go on with it.
func Store(dir string) Option { return func(c *natsserver.Config) { c.StoreDir = dir } }

// Addr listens on a given address, as a restarted server must.
func Addr(addr string) Option { return func(c *natsserver.Config) { c.Addr = addr } }

// Extra adds configuration in the syntax of the nats-server manual.
func Extra(conf string) Option { return func(c *natsserver.Config) { c.Extra = conf } }

// MaxStore limits what all streams together may reserve, in bytes.
func MaxStore(bytes int64) Option { return func(c *natsserver.Config) { c.MaxStore = bytes } }

// MaxPayload sets the largest message the server takes, in bytes.
func MaxPayload(bytes int32) Option { return func(c *natsserver.Config) { c.MaxPayload = bytes } }

// Server starts a server that lives as long as the test.
func Server(t testing.TB, opts ...Option) *natsserver.Server {
	t.Helper()
	cfg := natsserver.Config{Addr: "127.0.0.1:0", MaxStore: 64 << 30}
	for _, o := range opts {
		o(&cfg)
	}
	if cfg.StoreDir == "" {
		cfg.StoreDir = t.TempDir()
	}
	s, err := natsserver.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// Connect connects to s over TCP with the publisher's rule that nothing is
// buffered while the server is away. The connection is closed with the test.
func Connect(t testing.TB, s *natsserver.Server, opts ...nats.Option) *nats.Conn {
	t.Helper()
	opts = append([]nats.Option{
		nats.Timeout(Timeout), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(20 * time.Millisecond), nats.ReconnectJitter(10*time.Millisecond, 10*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, opts...)
	nc, err := nats.Connect(s.ClientURL(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// JetStream is the JetStream side of nc. A request with a context that has no
// deadline waits for Timeout.
func JetStream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(Timeout))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// New starts a server and connects to it: the usual first line of a test.
func New(t testing.TB, opts ...Option) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc := Connect(t, Server(t, opts...))
	return nc, JetStream(t, nc)
}

// Context ends with the test, and after several Timeouts at the latest: a test may
// wait for more than one thing.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*Timeout)
	t.Cleanup(cancel)
	return ctx
}

// Eventually polls until ok, and fails the test when that takes longer than Timeout.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(Timeout); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", Timeout, what)
		}
	}
}
