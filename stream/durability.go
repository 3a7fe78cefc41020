package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
)

const (
	askServers = "$SYS.REQ.SERVER.PING.JSZ"
	askTimeout = time.Second
	askMore    = 100 * time.Millisecond // servers of one cluster answer close together
)

// Durability is what a stream does to keep what it acknowledged.
type Durability struct {
	Stream   string
	Replicas int
	Fsync    bool   // the server calls fsync before it acknowledges
	FsyncBy  string // how we know: "declared", "asked", or "no answer" (then lazy is assumed)
	Loses    []string
}

// Weak says why the stream may lose records it acknowledged; empty when it keeps
// the promise.
func (d Durability) Weak() []string {
	weak := slices.Clone(d.Loses)
	if d.Replicas < 2 && !d.Fsync {
		reason := "one replica and fsync later than the acknowledgement: a power failure loses up to two minutes of acknowledged records"
		if d.FsyncBy == "no answer" {
			reason += " (the server does not tell its sync_interval; BROKER_FSYNC=true declares that it is always)"
		}
		weak = append(weak, reason)
	}
	return weak
}

// Refusal says why the stream does not satisfy required (Replicated or Fsynced);
// empty when it does.
func (d Durability) Refusal(required string) string {
	switch {
	case required == "":
		return ""
	case len(d.Loses) > 0:
		return strings.Join(d.Loses, "; ")
	case required == Replicated && d.Replicas < 2:
		return fmt.Sprintf("it has %d replica; set its replicas to 3", d.Replicas)
	case required == Fsynced && !d.Fsync:
		return fmt.Sprintf("its server does not fsync before it acknowledges (%s); set sync_interval: always, and BROKER_FSYNC=true where the server cannot be asked", d.FsyncBy)
	}
	return ""
}

// CheckDurability warns of a stream that may lose what it acknowledged, and
// refuses it with an *Error (exit code 78) when cfg.RequireDurability asks for more.
func CheckDurability(ctx context.Context, js jetstream.JetStream, name string, cfg Config, log logrus.FieldLogger) error {
	d, err := AskDurability(ctx, js, name, cfg)
	if err != nil {
		return err
	}
	if why := d.Refusal(cfg.RequireDurability); why != "" {
		return misconfigured("REQUIRE_DURABILITY=%s: stream %s does not satisfy it: %s", cfg.RequireDurability, name, why)
	}
	if weak := d.Weak(); len(weak) > 0 {
		log.WithFields(logrus.Fields{"stream": name, "because": weak}).Warn("this stream may lose records it has acknowledged")
	}
	return nil
}

// AskDurability finds out how the named stream keeps its records. Where neither
// the embedded server nor BROKER_FSYNC says so, the servers are asked for a second.
func AskDurability(ctx context.Context, js jetstream.JetStream, name string, cfg Config) (Durability, error) {
	s, err := js.Stream(ctx, name)
	if err != nil {
		return Durability{}, apiError(js, "look up stream "+name, err)
	}
	sc := s.CachedInfo().Config
	d := Durability{Stream: name, Replicas: sc.Replicas, Loses: losses(sc)}
	switch {
	case cfg.BrokerFsync:
		d.Fsync, d.FsyncBy = true, "declared"
	default:
		d.Fsync, d.FsyncBy, err = askFsync(ctx, js.Conn())
		if err != nil {
			return d, fmt.Errorf("ask the servers of stream %s for their sync_interval: %w", name, err)
		}
	}
	if sc.PersistMode == jetstream.AsyncPersistMode {
		d.Fsync = false
	}
	return d, nil
}

// losses are settings by which a stream drops records that no group has settled.
func losses(c jetstream.StreamConfig) []string {
	var l []string
	if c.Storage == jetstream.MemoryStorage {
		l = append(l, "it is kept in memory")
	}
	if c.Discard == jetstream.DiscardOld && (c.MaxBytes > 0 || c.MaxMsgs > 0) {
		l = append(l, "when full it drops its oldest records, delivered or not (discard old)")
	}
	if c.MaxAge > 0 {
		l = append(l, fmt.Sprintf("records older than %v are dropped, delivered or not (max_age)", c.MaxAge))
	}
	if c.Retention != jetstream.LimitsPolicy {
		l = append(l, fmt.Sprintf("%v retention drops records while no group exists", c.Retention))
	}
	return l
}

// askFsync asks all servers for their JetStream settings: true when every one
// that runs JetStream and answers fsyncs always. The system account alone may
// ask; without an answer lazy must be assumed.
func askFsync(ctx context.Context, nc *nats.Conn) (always bool, by string, err error) {
	sub, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		return false, "", err
	}
	defer sub.Unsubscribe()
	if err := nc.PublishRequest(askServers, sub.Subject, nil); err != nil {
		return false, "", err
	}
	answers := 0
	for wait := askTimeout; ; wait = askMore {
		next, cancel := context.WithTimeout(ctx, wait)
		msg, err := sub.NextMsgWithContext(next)
		cancel()
		switch {
		case err != nil && ctx.Err() != nil:
			return false, "", context.Cause(ctx)
		case errors.Is(err, nats.ErrNoResponders), errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrPermissionViolation):
			if answers == 0 {
				return false, "no answer", nil
			}
			return true, "asked", nil
		case err != nil:
			return false, "", err
		}
		var answer struct {
			Data *struct {
				Disabled bool `json:"disabled"`
				Config   struct {
					SyncAlways bool `json:"sync_always"`
				} `json:"config"`
			} `json:"data"`
		}
		if json.Unmarshal(msg.Data, &answer) != nil || answer.Data == nil || answer.Data.Disabled {
			continue // not a server that stores anything
		}
		if !answer.Data.Config.SyncAlways {
			return false, "asked", nil
		}
		answers++
	}
}
