package stream

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Values of Config.WhenFull and Config.RequireDurability.
const (
	WhenFullRefuse = "refuse"
	WhenFullExpire = "expire"

	Replicated = "replicated"
	Fsynced    = "fsynced"
)

const (
	minBytes     = 16 << 20 // sizes are halved down to this when the store has no room
	maxDeadBytes = 1 << 30
)

// Config says which stream to use and how it is created when it does not exist.
type Config struct {
	Subject           string        `envconfig:"SUBJECT" default:"lagermeister-test" original:"true" desc:"NATS subject of the records; its stream is found by it, or created"`
	StreamReplicas    int           `envconfig:"STREAM_REPLICAS" default:"1" desc:"copies of a stream created here, 1 to 5; 3 survives the loss of a server"`
	StreamMaxBytes    int64         `envconfig:"STREAM_MAX_BYTES" default:"10737418240" desc:"size of a stream created here, bytes"`
	StreamMaxAge      time.Duration `envconfig:"STREAM_MAX_AGE" default:"72h" desc:"settled records older than this are removed; 0 keeps them until the size asks for it"`
	DuplicateWindow   time.Duration `envconfig:"STREAM_DUPLICATE_WINDOW" default:"2m" desc:"how long a stream created here recognises a block sent twice"`
	WhenFull          string        `envconfig:"STREAM_WHEN_FULL" default:"refuse" desc:"refuse: a full stream takes nothing; expire: it drops its oldest records, delivered or not"`
	RequireDurability string        `envconfig:"REQUIRE_DURABILITY" desc:"replicated or fsynced: do not start on a stream that is not; empty only warns"`
	BrokerFsync       bool          `envconfig:"BROKER_FSYNC" default:"false" desc:"declares that the broker runs sync_interval: always, where it cannot be asked"`

	// Embedded is set by the wiring, through Embed.
	Embedded bool `ignored:"true"`
}

// Embed adapts c to the embedded server: it fsyncs before each acknowledgement,
// and its main stream takes at most half of room, the bytes its store may fill.
func (c *Config) Embed(room int64) {
	c.Embedded = true
	c.BrokerFsync = true
	c.StreamMaxBytes = min(c.StreamMaxBytes, max(room/2, minBytes))
}

// Validate finds what JetStream would refuse later.
func (c *Config) Validate() error {
	if err := checkSubject(c.Subject); err != nil {
		return fmt.Errorf("SUBJECT=%s: %w", c.Subject, err)
	}
	switch {
	case c.StreamReplicas < 1 || c.StreamReplicas > 5:
		return fmt.Errorf("STREAM_REPLICAS=%d: expected 1 to 5", c.StreamReplicas)
	case c.StreamMaxBytes < minBytes:
		return fmt.Errorf("STREAM_MAX_BYTES=%d: expected at least %d", c.StreamMaxBytes, minBytes)
	case c.StreamMaxAge < 0:
		return fmt.Errorf("STREAM_MAX_AGE=%v: expected 0 or more", c.StreamMaxAge)
	case c.DuplicateWindow < 100*time.Millisecond:
		return fmt.Errorf("STREAM_DUPLICATE_WINDOW=%v: expected 100ms or more", c.DuplicateWindow)
	case c.WhenFull != WhenFullRefuse && c.WhenFull != WhenFullExpire:
		return fmt.Errorf("STREAM_WHEN_FULL=%s: expected %s or %s", c.WhenFull, WhenFullRefuse, WhenFullExpire)
	case c.RequireDurability != "" && c.RequireDurability != Replicated && c.RequireDurability != Fsynced:
		return fmt.Errorf("REQUIRE_DURABILITY=%s: expected %s, %s or nothing", c.RequireDurability, Replicated, Fsynced)
	}
	return nil
}

// PublishConfig is the Config of who stores records.
type PublishConfig struct{ Config }

// Validate refuses a wildcard: a record is stored on one subject.
func (c *PublishConfig) Validate() error {
	if IsWildcard(c.Subject) {
		return errWildcard(c.Subject)
	}
	return nil
}

func errWildcard(subject string) error {
	return fmt.Errorf("SUBJECT=%s: expected one subject to store to, found a wildcard", subject)
}

// checkSubject accepts what NATS takes as a subject and what is not ours already.
func checkSubject(subject string) error {
	tokens := strings.Split(subject, ".")
	for i, token := range tokens {
		switch {
		case token == "":
			return errors.New("expected words joined by dots, found an empty one")
		case strings.ContainsAny(token, " \t\r\n"):
			return fmt.Errorf("expected no blanks, found %q", token)
		case token == ">" && i < len(tokens)-1:
			return errors.New(`expected ">" only as the last word`)
		}
	}
	if internal(subject) {
		return errors.New("subjects beginning with lm, $ or _INBOX belong to the machinery")
	}
	return nil
}

// internal says whether subject belongs to Lagermeister's own streams or to NATS.
func internal(subject string) bool {
	first, _, _ := strings.Cut(subject, ".")
	return first == "lm" || first == "_INBOX" || strings.HasPrefix(first, "$")
}

// Error is a failure at start whose exit code is known here. Configuration
// errors (78) do not pass by themselves; others (69) may.
type Error struct {
	Config bool // a setting is wrong, not a service away
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// ExitCode is EX_CONFIG (78) or EX_UNAVAILABLE (69) of sysexits.h.
func (e *Error) ExitCode() int {
	if e.Config {
		return 78
	}
	return 69
}

func misconfigured(format string, a ...any) error {
	return &Error{Config: true, Err: fmt.Errorf(format, a...)}
}

func unavailable(format string, a ...any) error {
	return &Error{Err: fmt.Errorf(format, a...)}
}
