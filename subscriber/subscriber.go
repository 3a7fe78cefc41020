package subscriber

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
)

// Subscriber is one member of a group. Open makes it, Run makes it work.
type Subscriber struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	kv      jetstream.KeyValue
	cfg     Config
	streams stream.Config
	group   string
	log     logrus.FieldLogger
	reg     prometheus.Registerer
	metrics *metrics

	held   *held
	gate   *gate
	blocks chan *block
	out    output

	draining atomic.Bool
	mu       sync.Mutex
	sources  []*source
}

// output takes blocks to where they go: through batches to a sink, or whole to a
// Forwarder.
type output interface {
	// run takes blocks until ctx ends; work ends when it is time to give up.
	run(ctx, work context.Context, blocks <-chan *block)
	// wait returns when nothing is on its way any more, or work ended.
	wait(work context.Context)
	// helpers returns what has to run beside it until its context ends.
	helpers() []func(context.Context)
	// notReady says what keeps it from its work, in words for /ready.
	notReady() []string
	// notes say how it goes, in words for /ready.
	notes() []string
}

// Run works until ctx ends, then stops fetching, sends the batch it has begun,
// settles what the sink answers and gives the rest back to the group, all within
// DRAIN_TIMEOUT. It returns nil then, an *Incomplete when posts were still
// unanswered at the end, and any other error when the group cannot be read any
// more. It runs once.
func (m *Subscriber) Run(ctx context.Context) error {
	work, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	intake, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)

	var fetching, helping sync.WaitGroup
	start := func(s *source) {
		helping.Go(func() { s.ledger.Run(work) })
		helping.Go(func() { s.look(work) })
		if s.replays != nil {
			fetching.Go(func() { s.replays.run(intake, m.blocks) })
			helping.Go(func() { s.replays.conclude(work) })
		}
		helping.Go(func() { _ = s.trimmer.Run(work) }) // always nil
		fetching.Go(func() {
			if err := s.fetch(intake, m.blocks); err != nil {
				select {
				case failed <- err:
				default: // another source was first
				}
				stop()
			}
		})
	}
	for _, s := range m.open() {
		start(s)
	}
	fetching.Go(func() { m.rescan(intake, start) })
	helping.Go(func() { m.signsOfLife(work) })
	for _, help := range m.out.helpers() {
		helping.Go(func() { help(work) })
	}
	var taking sync.WaitGroup
	taking.Go(func() { m.out.run(intake, work, m.blocks) })

	<-intake.Done()
	m.draining.Store(true)
	m.gate.drain()
	m.abandonDeadLetters()
	late := time.AfterFunc(m.cfg.DrainTimeout, giveUp)
	fetching.Wait()
	taking.Wait()
	m.out.wait(work)
	for _, s := range m.open() {
		s.dead.Wait()
		if !s.ledger.Full() {
			_ = s.ledger.Flush(work) // what is not settled is given back
			s.replays.flush(work)
		}
	}
	inTime := late.Stop()
	giveUp()
	helping.Wait()
	returned := m.giveBack()
	m.leave(returned)

	select {
	case err := <-failed:
		return err
	default:
	}
	if !inTime && returned > 0 {
		return &Incomplete{Blocks: returned}
	}
	return nil
}

// Incomplete is the error of a Run that had to give up on posts which were still
// unanswered after DRAIN_TIMEOUT. Nothing is lost: their blocks are delivered
// again, to another member or after the next start.
type Incomplete struct{ Blocks int }

func (e *Incomplete) Error() string {
	return fmt.Sprintf("stopped while posts were unanswered: %d blocks given back to the group, some of their records may be delivered twice", e.Blocks)
}

// ExitCode is EX_TEMPFAIL of sysexits.h.
func (e *Incomplete) ExitCode() int { return 75 }

// rescan looks for new streams until ctx ends.
func (m *Subscriber) rescan(ctx context.Context, start func(*source)) {
	tick := time.NewTicker(m.cfg.pace.rescan)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		opened, err := m.find(ctx)
		if err != nil && ctx.Err() == nil {
			m.log.WithError(err).WithField("subject", m.streams.Subject).Warn("streams not looked up, trying again")
		}
		for _, s := range opened {
			start(s)
		}
	}
}

// signsOfLife tells the server that held blocks are being worked on, so that it
// does not give them to others, and repeats acks that could not be sent.
func (m *Subscriber) signsOfLife(ctx context.Context) {
	tick := time.NewTicker(m.cfg.pace.progress)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m.held.each(func(b *block, reply string, settled bool) {
			if settled {
				b.from.acknowledge(b, reply)
			} else {
				_ = m.nc.Publish(reply, inProgress) // without a broker there is nobody to tell
			}
		})
	}
}

// giveBack returns every block that is not settled, at once, and says how many.
func (m *Subscriber) giveBack() (returned int) {
	m.held.each(func(b *block, reply string, settled bool) {
		if settled {
			b.from.acknowledge(b, reply)
			return
		}
		returned++
		if m.nc.Publish(reply, nak) == nil {
			m.held.remove(b)
		}
	})
	if err := m.nc.FlushTimeout(2 * time.Second); err != nil {
		m.log.WithError(err).Warn("the broker may not have heard the last answers, it delivers those blocks again after ack_wait")
	}
	if returned > 0 {
		m.log.WithField("blocks", returned).Info("unfinished blocks given back to the group")
	}
	return returned
}

// deadLettersFull stops delivery while any stream takes no dead letters.
func (m *Subscriber) deadLettersFull(full bool) {
	m.metrics.deadLettersFull(full)
	m.abandonDeadLetters()
	m.gate.hold(m.deadFull())
}

func (m *Subscriber) deadFull() bool {
	return slices.ContainsFunc(m.open(), func(s *source) bool { return s.dead.Full() })
}

// abandonDeadLetters stops waiting for room for dead letters at shutdown; their
// blocks go back to the group.
func (m *Subscriber) abandonDeadLetters() {
	for _, s := range m.open() {
		if m.draining.Load() && s.dead.Full() {
			s.dead.Abandon()
		}
	}
}

// NotReady lists why this member cannot do its work, in words for /ready.
func (m *Subscriber) NotReady() []string {
	var reasons []string
	say := func(reason string, holds bool) {
		if holds {
			reasons = append(reasons, reason)
		}
	}
	say("draining", m.draining.Load())
	say("broker: not connected", !m.nc.IsConnected())
	say("dead-letter stream is full", m.deadFull())
	reasons = append(reasons, m.out.notReady()...)
	sources := m.open()
	say("no stream holds subject "+m.streams.Subject, len(sources) == 0)
	for _, s := range sources {
		say("ledger stream "+stream.Ledger+" is full", s.ledger.Full())
		reasons = append(reasons, s.trimmer.NotReady()...)
	}
	return reasons
}

// Notes says how delivery goes at present, in words for /ready: posts, back-off,
// what the sink has asked for. None of it keeps the program from being ready.
func (m *Subscriber) Notes() []string {
	notes := m.out.notes()
	for i := range notes {
		notes[i] = "group " + m.group + ": " + notes[i]
	}
	return notes
}

// open is a snapshot of the streams this member reads.
func (m *Subscriber) open() []*source {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sources)
}
