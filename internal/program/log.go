package program

import (
	"fmt"
	"io"
	"os"

	"github.com/sirupsen/logrus"
)

// Log is the setting every program has for its own log. Embed it.
type Log struct {
	LoggingLevel string `envconfig:"LOGGING_LEVEL" default:"info" original:"true" desc:"debug, info, warn or error"`
}

// Validate refuses a level that does not exist.
func (l *Log) Validate() error {
	if _, err := logrus.ParseLevel(l.LoggingLevel); err != nil {
		return &ConfigError{Name: "LOGGING_LEVEL", Value: l.LoggingLevel, Err: fmt.Errorf("expected debug, info, warn or error")}
	}
	return nil
}

// Logger writes lines at level and above to out: text on a terminal and under
// systemd, which adds the time itself.
func Logger(level string, out io.Writer) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(out)
	log.SetFormatter(&logrus.TextFormatter{
		FullTimestamp:    true,
		DisableTimestamp: os.Getenv("JOURNAL_STREAM") != "",
	})
	if parsed, err := logrus.ParseLevel(level); err == nil {
		log.SetLevel(parsed)
	}
	return log
}
