package program

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/sirupsen/logrus"
)

// Log is the setting every program has for its own log. Embed it.
type Log struct {
	LoggingLevel string `envconfig:"LOGGING_LEVEL" default:"info" original:"true" desc:"debug, info, warn or error"`
}

// Validate refuses other levels; some of logrus' own would keep errors out of the log.
func (l *Log) Validate() error {
	switch strings.ToLower(l.LoggingLevel) {
	case "debug", "info", "warn", "error":
		return nil
	}
	return &ConfigError{Name: "LOGGING_LEVEL", Value: l.LoggingLevel, Err: errors.New("expected debug, info, warn or error")}
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
