package natsserver

import (
	"fmt"

	"github.com/sirupsen/logrus"
)

// logger passes on what an operator can act upon; notices and traces of the
// embedded server are left out. A fatal message is how the server reports that
// it could not start (a busy port, say); it goes to failed as well.
type logger struct {
	log    logrus.FieldLogger
	failed chan<- string
}

func (l logger) Warnf(format string, v ...any) {
	if l.log != nil {
		l.log.WithField("component", "nats-server").Warnf(format, v...)
	}
}

func (l logger) Errorf(format string, v ...any) {
	if l.log != nil {
		l.log.WithField("component", "nats-server").Errorf(format, v...)
	}
}

func (l logger) Fatalf(format string, v ...any) {
	select {
	case l.failed <- fmt.Sprintf(format, v...):
	default: // the first reason is the one that counts
	}
}

func (l logger) Noticef(string, ...any) {}
func (l logger) Debugf(string, ...any)  {}
func (l logger) Tracef(string, ...any)  {}
