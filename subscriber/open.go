package subscriber

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/deadletter"
	"lagermeister/heka/encode"
	"lagermeister/ledger"
	"lagermeister/sink"
	"lagermeister/stats"
	"lagermeister/stream"
)

// Open joins a group that delivers single records to s, encoded by enc and, when
// ix is not nil, with index names. The group's streams and consumers exist when
// it returns, so what is stored from then on is theirs; a wildcard subject may
// still have no stream. rep may be nil.
func Open(ctx context.Context, nc *nats.Conn, cfg Config, streams stream.Config, s sink.Sink, enc *encode.Encoder, ix *encode.IndexPattern,
	log logrus.FieldLogger, reg prometheus.Registerer, rep *stats.Reporter) (*Subscriber, error) {
	m, err := newSubscriber(nc, cfg, streams, log, reg)
	if err != nil {
		return nil, err
	}
	spec, err := cfg.spec()
	if err != nil {
		return nil, fmt.Errorf("MATCH_SPEC: %w", err)
	}
	m.log = m.log.WithField("sink", s.Name())
	var index *encode.IndexNamer
	if ix != nil {
		index = ix.Namer()
	}
	liner, _ := s.(sink.Liner)
	m.out = &assembler{
		spec:   spec,
		enc:    enc,
		index:  index,
		limits: limits{cfg.BatchSize, cfg.BatchBytes, cfg.BatchTimeout},
		out: &deliverer{
			sink:    s,
			liner:   liner,
			gate:    m.gate,
			refused: newRefusals(cfg.MaxRefused),
			pace:    m.cfg.pace,
			share:   cfg.MaxRefused,
			log:     m.log,
			metrics: m.metrics,
			report:  newReport(rep, cfg.Sender, m, func() int64 { posts, _ := m.gate.inFlight(); return int64(posts) }),
		},
	}
	return m, m.begin(ctx)
}

// OpenForward joins a group that hands whole blocks to f: no match, no encoding,
// no batch. All their records count as delivered when f has stored the block.
func OpenForward(ctx context.Context, nc *nats.Conn, cfg Config, streams stream.Config, f Forwarder,
	log logrus.FieldLogger, reg prometheus.Registerer, rep *stats.Reporter) (*Subscriber, error) {
	m, err := newSubscriber(nc, cfg, streams, log, reg)
	if err != nil {
		return nil, err
	}
	out := &forwarding{to: f, log: m.log, ended: make(chan struct{}, 1)}
	out.report = newReport(rep, cfg.Sender, m, out.open.Load)
	m.out = out
	return m, m.begin(ctx)
}

func newSubscriber(nc *nats.Conn, cfg Config, streams stream.Config, log logrus.FieldLogger, reg prometheus.Registerer) (*Subscriber, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	cfg.pace.setDefaults()
	m := &Subscriber{
		nc: nc, js: js, cfg: cfg, streams: streams,
		group:  cfg.Group(),
		reg:    reg,
		held:   newHeld(),
		gate:   newGate(cfg.Inflight),
		blocks: make(chan *block),
	}
	m.log = log.WithFields(logrus.Fields{"component": "subscriber", "group": m.group})
	m.metrics = newMetrics(reg, m.group, m.held, m.gate)
	return m, nil
}

// begin makes sure that everything the group needs in JetStream exists.
func (m *Subscriber) begin(ctx context.Context) error {
	if err := stream.EnsureLedger(ctx, m.js, m.streams, m.log); err != nil {
		return err
	}
	if err := stream.EnsureReplay(ctx, m.js, m.streams, m.log); err != nil {
		return err
	}
	kv, err := stream.EnsureState(ctx, m.js, m.streams, m.log)
	if err != nil {
		return err
	}
	m.kv = kv
	if !stream.IsWildcard(m.streams.Subject) {
		if _, err := stream.Ensure(ctx, m.js, m.streams, m.log); err != nil {
			return err
		}
	}
	if _, err := m.find(ctx); err != nil {
		return err
	}
	if len(m.sources) == 0 {
		m.log.WithField("subject", m.streams.Subject).Warn("no stream holds this subject yet, waiting for one")
	}
	return nil
}

// find opens the streams that hold the subject and are not open yet.
func (m *Subscriber) find(ctx context.Context) (opened []*source, err error) {
	names, err := stream.Holding(ctx, m.js, m.streams.Subject)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if slices.ContainsFunc(m.open(), func(s *source) bool { return s.stream == name }) {
			continue
		}
		s, err := m.join(ctx, name)
		if err != nil {
			return opened, err
		}
		m.mu.Lock()
		m.sources = append(m.sources, s)
		m.mu.Unlock()
		opened = append(opened, s)
	}
	return opened, nil
}

// join makes this process a member of the group on one stream.
func (m *Subscriber) join(ctx context.Context, name string) (s *source, err error) {
	info, err := m.js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", name, err)
	}
	if err := stream.CheckDurability(ctx, m.js, name, m.streams, m.log); err != nil {
		return nil, err
	}
	if _, err := stream.EnsureDead(ctx, m.js, name, m.streams, m.log); err != nil {
		return nil, err
	}
	member, err := attend(m.nc, name, m.group)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			member.Unsubscribe()
		}
	}()
	consumer, epoch, baseline, err := stream.EnsureConsumer(ctx, m.js, name, m.group, m.cfg.StartOptions, m.log)
	if err != nil {
		return nil, err
	}
	log := m.log.WithField("stream", name)
	s = &source{
		intake: intake{
			nc: m.nc, stream: name, group: m.group, consumer: consumer,
			held: m.held, pace: m.cfg.pace, metrics: m.metrics, log: log,
		},
		js: m.js, kv: m.kv,
		created: info.CachedInfo().Created.UnixNano(),
		epoch:   epoch, baseline: baseline, subject: m.streams.Subject,
		trimmer: stream.NewTrimmer(m.js, name, m.streams.StreamMaxAge, log, m.reg),
		member:  member,
	}
	s.accept = s.take
	s.ledger = ledger.NewSender(m.js, name, m.group, epoch, log, s.settledBlocks)
	s.dead = deadletter.NewStore(m.js, log, m.deadLettersFull)
	if _, forwards := m.out.(*forwarding); !forwards {
		if s.replays, err = newReplays(ctx, s); err != nil {
			return nil, err
		}
	}
	log.WithFields(logrus.Fields{"epoch": epoch, "baseline": baseline}).Info("reading the stream")
	return s, nil
}
