// Command http_subscriber takes records from JetStream and posts them as JSON
// lines to an HTTP endpoint. Run it with --help for its settings.
package main

import (
	"context"
	"errors"
	"time"

	group "github.com/oklog/run"

	"lagermeister/heka/encode"
	"lagermeister/internal/program"
	"lagermeister/sink/httppost"
	"lagermeister/stats"
	"lagermeister/stream"
	"lagermeister/subscriber"
)

// own are the settings of the program itself.
type own struct {
	program.Log
	StatsAddress string `envconfig:"STATS_ADDRESS" default:"127.0.0.1:35002" original:"true" desc:"TCP address of /health, /ready, /metrics and /version"`
}

// Validate refuses an admin port that cannot be listened on.
func (o *own) Validate() error { return program.CheckAddress("STATS_ADDRESS", o.StatsAddress) }

// settings are read from variables with the prefix SUB, whichever part they
// belong to.
type settings struct {
	program    own
	sink       httppost.Config
	subscriber subscriber.Config
	encode     encode.Config
	stream     stream.Config
	nats       stream.DialConfig
}

// defaults are the original's where it had any.
func defaults() *settings {
	s := &settings{}
	s.subscriber.Program, s.subscriber.Sender = "http_subscriber", stats.HTTPOutput
	s.subscriber.BatchSize, s.subscriber.BatchTimeout = 100, 10*time.Second
	s.encode.Format = "heka"
	return s
}

func (s *settings) parts() (parts []program.Part) {
	for _, part := range []any{&s.program, &s.sink, &s.subscriber, &s.encode, &s.stream, &s.nats} {
		parts = append(parts, program.Part{Prefix: "SUB", Config: part})
	}
	return parts
}

func main() {
	s := defaults()
	program.Main("http_subscriber", &s.program.Log, func(ctx context.Context, p *program.Program) error {
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
	to, err := httppost.New(s.sink, p.Log, p.Registry)
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
	out, err := subscriber.Open(ctx, nc, s.subscriber, s.stream, to, encoder, nil, p.Log, p.Registry, reporter)
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
