// Command es_subscriber takes records from JetStream and hands them to the bulk
// API of Elasticsearch or OpenSearch. Run it with --help for its settings.
package main

import (
	"context"
	"errors"
	"time"

	group "github.com/oklog/run"

	"lagermeister/heka/encode"
	"lagermeister/internal/program"
	"lagermeister/sink/bulk"
	"lagermeister/stats"
	"lagermeister/stream"
	"lagermeister/subscriber"
)

// own are the settings of the program itself.
type own struct {
	program.Log
	StatsAddress string `envconfig:"STATS_ADDRESS" default:"127.0.0.1:35004" desc:"TCP address of /health, /ready, /metrics and /version"`
}

// Validate refuses an admin port that cannot be listened on.
func (o *own) Validate() error { return program.CheckAddress("STATS_ADDRESS", o.StatsAddress) }

// settings are read from variables with the prefix ESSUB, whichever part they
// belong to.
type settings struct {
	program    own
	sink       engine
	subscriber subscriber.Config
	encode     encode.Config
	stream     stream.Config
	nats       stream.DialConfig
}

// engine is the bulk API with the check that package bulk leaves to whoever fills
// the index pattern in.
type engine struct{ bulk.Config }

func (e *engine) Validate() error {
	if _, err := encode.ParseIndex(e.Index); err != nil {
		return &program.ConfigError{Name: "INDEX", Value: e.Index, Err: err}
	}
	return nil
}

// defaults differ from those of http_subscriber: a new group begins at the first
// stored record.
func defaults() *settings {
	s := &settings{}
	s.subscriber.Program, s.subscriber.Sender = "es_subscriber", stats.ESOutput
	s.subscriber.BatchSize, s.subscriber.BatchTimeout = 1000, 500*time.Millisecond
	s.subscriber.AllByDefault = true
	s.encode.Format = "ecs"
	s.sink.RemoteURL = []string{"http://localhost:9200"}
	return s
}

func (s *settings) parts() (parts []program.Part) {
	for _, part := range []any{&s.program, &s.sink, &s.subscriber, &s.encode, &s.stream, &s.nats} {
		parts = append(parts, program.Part{Prefix: "ESSUB", Config: part})
	}
	return parts
}

func main() {
	s := defaults()
	program.Main("es_subscriber", &s.program.Log, func(ctx context.Context, p *program.Program) error {
		return run(ctx, p, s)
	}, s.parts()...)
}

// run wires the parts together. The subscriber drains by itself when ctx ends;
// the reporter and the admin port, which tell how that goes, stop after it.
func run(ctx context.Context, p *program.Program, s *settings) error {
	s.subscriber.LimitMemory()
	encoder, err := s.encode.New()
	if err != nil {
		return err
	}
	index, err := encode.ParseIndex(s.sink.Index)
	if err != nil {
		return err
	}
	to, err := bulk.New(s.sink.Config, p.Log, p.Registry)
	if err != nil {
		return err
	}
	defer to.Close()
	nc, err := stream.Dial(ctx, s.nats, p.Name+" "+s.subscriber.Group(), p.Log)
	if err != nil {
		return err
	}
	defer nc.Close()
	reporter := p.Reporter(nc)
	out, err := subscriber.Open(ctx, nc, s.subscriber, s.stream, to, encoder, index, p.Log, p.Registry, reporter)
	if err != nil {
		return err
	}
	admin, err := program.NewAdmin(s.program.StatsAddress, p.Registry, p.NotReady, out.Notes)
	if err != nil {
		return err
	}
	p.Check(out.NotReady)

	var g group.Group
	delivering, stop := context.WithCancel(ctx)
	g.Add(func() error { return out.Run(delivering) }, func(error) { stop() })
	reporting, stopReporting := context.WithCancel(context.Background())
	g.Add(func() error { return reporter.Run(reporting) }, func(error) { stopReporting() })
	g.Add(admin.Serve, func(error) { admin.Shutdown() })

	p.Log.WithField("admin", admin.Addr()).Info("delivering records")
	p.Ready("delivering records of " + s.stream.Subject)
	if err := g.Run(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
