package subscriber

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"lagermeister/heka"
	"lagermeister/ledger"
	"lagermeister/stream"
)

// Forwarder stores whole blocks somewhere else: a publisher on a hub.
type Forwarder interface {
	// Forward stores one finished block as it is, under the message id origin,
	// with header Lm-Records and Lm-Cut. It waits while its window is full. An
	// error means that stored is never called: ctx has ended, or the block can
	// never be stored there. nil means that stored is called once, with nil when
	// the block is durable. header and body belong to it until then.
	Forward(ctx context.Context, origin string, header nats.Header, body []byte, stored func(error)) error
}

// forwarding hands whole blocks on.
type forwarding struct {
	to     Forwarder
	report *report
	log    logrus.FieldLogger
	open   atomic.Int64  // blocks not yet answered
	ended  chan struct{} // holds a token when one was answered

	unfit atomic.Int64 // blocks the far end can never take, held until someone acts
}

func (f *forwarding) run(ctx, work context.Context, blocks <-chan *block) {
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-blocks:
			if b != nil && !f.take(work, b) {
				return
			}
		}
	}
}

// take forwards one block; false means that work ended first.
func (f *forwarding) take(work context.Context, b *block) bool {
	b.begin()
	n := f.records(b)
	if b.other {
		b.end(ledger.Block{Filtered: n}, 1)
		return true
	}
	header := nats.Header{
		stream.HeaderRecords: {strconv.FormatUint(n, 10)},
		stream.HeaderCut:     {b.cutMs},
	}
	f.open.Add(1)
	err := f.to.Forward(work, b.origin, header, b.body, func(err error) {
		if err == nil { // otherwise the block stays without an outcome and is given back
			t := ledger.Block{Delivered: n}
			f.report.delivered(int(n), b.cut)
			b.end(t, 1)
		}
		f.answered()
	})
	switch {
	case err == nil:
		return true
	case work.Err() == nil:
		f.unfit.Add(1)
		f.log.WithError(err).WithField("sequence", b.seq).
			Error("block cannot be forwarded: it is held, and keeps its place in the stream, until the far end can take it and this program is started again")
	}
	f.answered()
	return work.Err() == nil
}

func (f *forwarding) answered() {
	f.open.Add(-1)
	select {
	case f.ended <- struct{}{}:
	default:
	}
}

// records is how many records b holds: what its publisher counted, or what a
// walk over it finds.
func (f *forwarding) records(b *block) (n uint64) {
	if n := stream.RecordCount(b.header.Get(stream.HeaderRecords), len(b.body)); n > 0 {
		return n
	}
	for range heka.Records(b.body) {
		n++
	}
	return n
}

func (f *forwarding) wait(work context.Context) {
	for f.open.Load() > 0 {
		select {
		case <-f.ended:
		case <-work.Done():
			return
		}
	}
}

func (f *forwarding) helpers() []func(context.Context) { return nil }

func (f *forwarding) notes() []string {
	return []string{fmt.Sprintf("%d blocks are on their way", f.open.Load())}
}

func (f *forwarding) notReady() []string {
	if n := f.unfit.Load(); n > 0 {
		return []string{fmt.Sprintf("%d blocks cannot be forwarded, see the log", n)}
	}
	return nil
}
