package subscriber

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
)

// fetchBlocks is how many blocks one fetch asks for at most.
const fetchBlocks = 512

// silence is how long nothing must have come, though there is more in the
// stream, before the group counts as being at its pending limit.
const silence = 100 * time.Millisecond

// intake fetches the messages of one consumer.
type intake struct {
	nc            *nats.Conn
	stream, group string // for errors
	consumer      jetstream.Consumer
	held          *held
	pace          pace
	metrics       *metrics
	log           logrus.FieldLogger

	// accept makes a block of a delivery; nil when there is nothing to hand over.
	accept func(context.Context, *nats.Msg) *block

	// Owned by fetch.
	more bool // the last delivery said that the stream holds more
	owed bool // blocks were handed over since the last word that nothing more can come
}

// fetch hands blocks to out until ctx ends. A nil block says that nothing more
// can come before something is settled: the member holds all it may, or the
// group does. An error means that the group is gone and will not come back by
// itself.
func (in *intake) fetch(ctx context.Context, out chan<- *block) error {
	full := func() { in.dry(ctx, out) }
	p, err := newPuller(in.nc, in.stream, in.consumer.CachedInfo().Name)
	if err != nil {
		return err
	}
	defer p.close()
	for failures := 0; ; {
		free, err := in.held.room(ctx, maxHeld, full)
		if err != nil {
			return nil
		}
		// One message must always fit, or the largest would never come.
		if err = p.ask(fetchBlocks, max(free, in.nc.MaxPayload()+4096), in.pace.fetch); err == nil {
			err = in.receive(ctx, p, out)
		}
		if err == nil {
			failures = 0
			continue
		}
		if failures++; in.gone(ctx, err, failures) {
			return fmt.Errorf("fetch from stream %s for group %s: the group was deleted; start again to begin a new one: %w", in.stream, in.group, err)
		}
	}
}

// receive takes in all that a request brings as it comes, so that signs of life
// are sent for every block, and hands it over as fast as it is taken. When ctx
// ends it goes on until the request is over: every delivery has to be known to be
// given back. An error tells why the request ended early.
func (in *intake) receive(ctx context.Context, p *puller, out chan<- *block) (err error) {
	quiet, end := time.NewTimer(silence), time.NewTimer(time.Until(p.end))
	defer quiet.Stop()
	defer end.Stop()
	ended := ctx.Done()
	var waiting []*block // to be handed over
	for over := false; !over || len(waiting) > 0; {
		var to chan<- *block
		var next *block
		var dry <-chan time.Time
		if len(waiting) > 0 {
			to, next = out, waiting[0]
		} else {
			dry = quiet.C
		}
		select {
		case msg := <-p.messages:
			delivery, refused := p.take(msg)
			if delivery {
				if b := in.accept(ctx, msg); b != nil && ctx.Err() == nil {
					waiting = append(waiting, b)
				}
			}
			if refused != nil {
				err = refused
			}
			over = over || refused != nil || p.over()
		case <-end.C:
			over = true
		case to <- next:
			waiting, in.owed = waiting[1:], true
		case <-dry:
			if in.more {
				in.dry(ctx, out)
			}
		case <-ended:
			waiting, ended = nil, nil
		}
		quiet.Reset(silence)
	}
	return err
}

// dry says once that nothing more can come for now.
func (in *intake) dry(ctx context.Context, out chan<- *block) {
	if !in.owed {
		return
	}
	select {
	case out <- nil:
		in.owed = false
	case <-ctx.Done():
	}
}

// gone handles a failed fetch: it waits a little, and finds out whether the
// group exists at all.
func (in *intake) gone(ctx context.Context, cause error, failures int) bool {
	in.metrics.fetchFailed()
	if errors.Is(cause, nats.ErrConnectionClosed) {
		return true
	}
	ask, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := in.consumer.Info(ask)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return true
	}
	log := in.log.WithError(cause).WithField("failures", failures)
	if failures&(failures-1) == 0 { // 1, 2, 4, 8…
		log.Warn("nothing can be fetched, trying again")
	}
	sleep(ctx, min(50*time.Millisecond<<min(failures, 7), 5*time.Second))
	return false
}

// acknowledge lets go of a settled block. When the ack cannot be sent the block
// stays, and is acknowledged with the next sign of life.
func (in *intake) acknowledge(b *block, reply string) {
	if in.nc.Publish(reply, ack) == nil {
		in.held.remove(b)
	}
}

// jitter is d, more or less, so that members do not ask in step.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
