package main

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"lagermeister/internal/program"
	"lagermeister/sink/httpclient"
	"lagermeister/stream"
)

// settings are what the commands that speak to NATS read from the environment,
// with the prefix CTL.
type settings struct {
	program.Log
	stream.DialConfig
	stream.Config

	Remote httpclient.Config `ignored:"true"` // a part of its own
}

const settingsAbout = `
How to reach NATS, and which subject, the variables CTL_NATS_URL, CTL_SUBJECT and
their like tell: lager_ctl --help lists them.`

// parts are what Configure fills; it lists the variables as well.
func (s *settings) parts() []program.Part {
	return []program.Part{{Prefix: "CTL", Config: s}, {Prefix: "CTL", Config: &s.Remote}}
}

// load reads the variables. Notes on variables without effect go to the log.
func (s *settings) load(c console) (logrus.FieldLogger, error) {
	notes, err := program.Configure("lager_ctl", nil, c.out, s.parts()...)
	if err != nil {
		return nil, err
	}
	log := program.Logger(s.LoggingLevel, c.err)
	for _, note := range notes {
		log.Info(note)
	}
	return log, nil
}

// connect reaches NATS under a name of its own.
func (s *settings) connect(ctx context.Context, log logrus.FieldLogger, opts ...nats.Option) (*nats.Conn, error) {
	return stream.Dial(ctx, s.DialConfig, "lager_ctl", log, opts...)
}

// answer has the variables listed (--help) or validated (--check).
func answer(c console, arg string) error {
	_, err := program.Configure("lager_ctl", []string{arg}, c.out, new(settings).parts()...)
	return err
}
