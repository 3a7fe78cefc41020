// Command tcp_receiver accepts Heka frames over TCP and stores those that match
// in JetStream. Run it with --help for its settings.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	group "github.com/oklog/run"

	"lagermeister/internal/program"
	"lagermeister/publisher"
	"lagermeister/receiver"
	"lagermeister/stream"
)

// own are the settings of the program itself.
type own struct {
	program.Log
	StatsAddress string `envconfig:"STATS_ADDRESS" default:"127.0.0.1:34999" original:"true" desc:"TCP address of /health, /ready, /metrics and /version"`
}

// Validate refuses an admin port that cannot be listened on.
func (o *own) Validate() error { return program.CheckAddress("STATS_ADDRESS", o.StatsAddress) }

// settings are read from variables with the prefix TCPRCVR, whichever part they
// belong to.
type settings struct {
	program   own
	receiver  receiver.TCPConfig
	publisher publisher.Config
	stream    stream.PublishConfig
	nats      stream.DialConfig
}

func (s *settings) parts() (parts []program.Part) {
	for _, part := range []any{&s.program, &s.receiver, &s.publisher, &s.stream, &s.nats} {
		parts = append(parts, program.Part{Prefix: "TCPRCVR", Config: part})
	}
	return parts
}

func main() {
	var s settings
	program.Main("tcp_receiver", &s.program.Log, func(ctx context.Context, p *program.Program) error {
		return run(ctx, p, &s)
	}, s.parts()...)
}

// run wires the parts together. At shutdown the group interrupts them in the
// order added: intake drains into the publisher first, and the admin port, which
// tells how that goes, is the last to close.
func run(ctx context.Context, p *program.Program, s *settings) (err error) {
	nc, err := stream.Dial(ctx, s.nats, p.Name, p.Log)
	if err != nil {
		return err
	}
	defer nc.Close()
	pub, err := publisher.Open(ctx, nc, s.publisher, s.stream.Config, p.Log, p.Registry)
	if err != nil {
		return fmt.Errorf("publish on %s: %w", s.stream.Subject, err)
	}
	reporter := p.Reporter(nc)
	in, err := receiver.NewTCP(s.receiver, pub, p.Log, p.Registry, reporter)
	if err != nil {
		pub.Close(ctx)
		return err
	}
	admin, err := program.NewAdmin(s.program.StatsAddress, p.Registry, p.NotReady)
	if err != nil {
		return errors.Join(err, drain(in, pub, 0))
	}
	p.Check(in.NotReady)
	p.Check(pub.NotReady)

	var g group.Group
	var left error
	g.Add(group.ContextHandler(ctx))
	g.Add(in.Serve, func(error) { left = drain(in, pub, s.publisher.DrainTimeout) })
	reporting, stopReporting := context.WithCancel(context.Background())
	g.Add(func() error { return reporter.Run(reporting) }, func(error) { stopReporting() })
	g.Add(admin.Serve, func(error) { admin.Shutdown() })

	p.Log.WithField("address", in.Addr()).WithField("admin", admin.Addr()).Info("accepting messages")
	p.Ready(fmt.Sprintf("accepting messages on %v", in.Addr()))
	if err = g.Run(); errors.Is(err, context.Canceled) {
		err = nil // asked to stop
	}
	return errors.Join(err, left)
}

// drain ends intake, then has the publisher finish its window, all within
// timeout. The error tells what is left.
func drain(in *receiver.TCP, pub *publisher.Publisher, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	unfinished := in.Shutdown(timeout)
	left := pub.Close(ctx)
	return errors.Join(
		program.Exit(program.ExitIncomplete, unfinished),
		program.Incomplete(left, "accepted and not acknowledged by the stream"),
	)
}
