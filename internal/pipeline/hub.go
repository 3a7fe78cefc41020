package pipeline

import (
	"context"
	"errors"
	"sync"

	"github.com/nats-io/nats.go"

	"lagermeister/publisher"
	"lagermeister/stream"
	"lagermeister/subscriber"
)

// hub forwards every block of the local stream: a group of its own reads it, and
// a publisher on a connection to the hub stores each block there. Its connection
// is made in the background, for a relay takes records whether its hub is there
// or not.
type hub struct {
	out  *subscriber.Subscriber
	link *link
}

// hubGroup reads the local stream for the hub.
const hubGroup = "hub"

func (pl *Pipeline) openHub(ctx context.Context) error {
	s := pl.settings
	if s.Hub.URL == "" {
		return nil
	}
	subject := s.Hub.Subject
	if subject == "" {
		subject = s.Stream.Subject
	}
	l := &link{dial: s.Hub.dial(), ready: make(chan struct{})}
	l.open = func(ctx context.Context) (*nats.Conn, *publisher.Publisher, error) {
		nc, err := stream.Dial(ctx, l.dial, pl.program.Name+" to hub", pl.log)
		if err != nil {
			return nil, nil, err
		}
		pub, err := publisher.OpenExisting(nc, publisher.Config{PublishFormat: publisher.FormatBlocks}, subject, pl.log, pl.part("hub"))
		if err != nil {
			nc.Close()
			return nil, nil, err
		}
		return nc, pub, nil
	}
	cfg := subscriber.Config{Program: hubGroup, Sender: "hub-output", StartOptions: stream.StartOptions{AllByDefault: true},
		BatchSize: 1, Inflight: s.Subscriber.Inflight, DrainTimeout: s.Subscriber.DrainTimeout, MaxRefused: 1}
	out, err := subscriber.OpenForward(ctx, pl.conn, cfg, s.Stream.Config, l, pl.log, pl.part("hub"), pl.reporter)
	if err != nil {
		return err
	}
	pl.program.Check(out.NotReady)
	pl.hub = &hub{out: out, link: l}
	return nil
}

// run forwards until ctx ends, then gives the hub's publisher the time it needs
// for what is on its way; what the hub has not stored stays in the local stream.
func (h *hub) run(ctx context.Context) error {
	linked, unlink := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	var linkErr error
	forward, stop := context.WithCancel(ctx)
	defer stop()
	wait.Go(func() {
		if linkErr = h.link.connect(linked); linkErr != nil {
			stop() // settings that no try can mend
		}
	})
	err := h.out.Run(forward)
	unlink()
	wait.Wait()
	h.link.close()
	if ctx.Err() == nil {
		return errors.Join(err, linkErr)
	}
	return err
}

// link is the way to the hub, once there is one.
type link struct {
	dial  stream.DialConfig
	open  func(context.Context) (*nats.Conn, *publisher.Publisher, error)
	ready chan struct{} // closed when conn and pub are set
	conn  *nats.Conn
	pub   *publisher.Publisher
}

// connect opens the link; it waits for the hub until ctx ends, which is no error.
func (l *link) connect(ctx context.Context) (err error) {
	l.conn, l.pub, err = l.open(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	close(l.ready)
	return nil
}

func (l *link) close() {
	if l.pub != nil {
		done, cancel := context.WithCancel(context.Background())
		cancel() // the subscriber has waited for what it could
		l.pub.Close(done)
		l.conn.Close()
	}
}

// Forward stores one block at the hub, waiting until there is a link.
func (l *link) Forward(ctx context.Context, origin string, header nats.Header, body []byte, stored func(error)) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.ready:
	}
	return l.pub.Forward(ctx, origin, header, body, stored)
}
