// Package view is what the dashboard sees of NATS: whether it is there, what
// JetStream says of streams and groups, and the blocks that are being stored.
//
// Looking changes nothing: no consumer is created, nothing is acknowledged. What
// is asked is asked by API calls alone, as seldom as will do, and only while
// somebody looks. Only a Pauser changes anything: which groups are paused.
package view

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/dashboard/live"
	"lagermeister/stream"
)

const (
	askEvery  = 5 * time.Second // one question, however many look
	askWithin = 5 * time.Second
)

// View looks at one NATS server or cluster. It is safe for concurrent use.
type View struct {
	nc *nats.Conn
	js jetstream.JetStream

	status    broker
	consumers consumers
}

// New returns a view through a connection.
func New(nc *nats.Conn, js jetstream.JetStream) *View { return &View{nc: nc, js: js} }

// broker is what was last known of the server.
type broker struct {
	mu    sync.Mutex
	last  live.Status
	asked time.Time // JetStream, while NATS was there
	err   error     // what it answered
}

// States of a live.Status.
const (
	up   = "up"
	down = "down"
)

// Status says whether NATS and JetStream answer, and since when it is so. NotReady
// is empty.
func (v *View) Status(ctx context.Context) live.Status {
	b := &v.status
	b.mu.Lock()
	defer b.mu.Unlock()
	s := live.Status{NATS: down, JS: down, Since: b.last.Since, URL: b.last.URL, NotReady: []string{}}
	if v.nc.IsConnected() {
		s.NATS, s.URL, s.Version = up, stream.Server(v.nc), v.nc.ConnectedServerVersion()
		if time.Since(b.asked) >= askEvery || b.last.NATS == down {
			b.err, b.asked = v.ask(ctx), time.Now()
		}
		if b.err == nil {
			s.JS = up
		} else {
			s.Err = b.err.Error()
		}
	} else if err := v.nc.LastError(); err != nil {
		s.Err = err.Error()
	}
	if s.NATS != b.last.NATS || s.JS != b.last.JS {
		s.Since = time.Now().UnixMilli()
	}
	b.last = s
	return s
}

// ask asks JetStream something that the ledger must be allowed to ask too.
func (v *View) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	names := v.js.StreamNames(ctx, jetstream.WithStreamListSubject("lm.ledger.>"))
	for range names.Name() {
	}
	if err := names.Err(); err != nil {
		return fmt.Errorf("ask JetStream for the names of streams: %w", err)
	}
	return nil
}
