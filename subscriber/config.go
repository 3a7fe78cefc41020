package subscriber

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"lagermeister/heka/matcher"
	"lagermeister/stream"
)

// Bounds of what one member keeps in memory and in flight.
const (
	maxHeld    = 32 << 20         // bytes of blocks; more are fetched only below this
	progress   = 20 * time.Second // how often the server hears that a held block is being worked on
	startPosts = 8                // posts in flight at first
	maxPosts   = 25
	postGrowth = 10 * time.Second // without 429: one more post
)

// Config says what a group reads, how it batches and when it gives up on a sink.
// Subject and stream settings are those of stream.Config.
type Config struct {
	stream.StartOptions

	MatchSpec string `envconfig:"MATCH_SPEC" desc:"Heka matcher; records that fail it are settled as filtered. Empty delivers all"`

	Durable      string        `envconfig:"DURABLE" original:"true" desc:"name of the group; with QGROUP too it is DURABLE_QGROUP; without both the program's name"`
	QGroup       string        `envconfig:"QGROUP" original:"true" desc:"name of the group, see DURABLE. Members of a group share its records"`
	Unsubscribe  bool          `envconfig:"UNSUBSCRIBE" original:"true" desc:"delete the group at exit when it has no other member"`
	BatchSize    int           `envconfig:"BATCH_SIZE" original:"true" desc:"most records in a batch"`
	BatchTimeout time.Duration `envconfig:"BATCH_TIMEOUT" original:"true" desc:"longest time a record waits for its batch to fill"`
	BatchBytes   int           `envconfig:"BATCH_BYTES" default:"5242880" desc:"a batch is full at this many bytes of documents"`
	Inflight     int64         `envconfig:"INFLIGHT_BYTES" default:"50331648" desc:"bytes of all batches on their way together"`
	MaxRefused   float64       `envconfig:"MAX_REFUSED" default:"0.5" desc:"share of the last 1000 records that the sink may refuse for one reason before delivery pauses; 1 never pauses"`
	DrainTimeout time.Duration `envconfig:"DRAIN_TIMEOUT" default:"25s" desc:"time posts in flight get to finish at shutdown"`

	// Program is the default of the group's name, Sender what stats events and
	// the dashboard call this output. Both are set by wiring.
	Program string `ignored:"true"`
	Sender  string `ignored:"true"`

	pace pace // tests make it fast
}

// pace holds the waits that tests cannot sit out.
type pace struct {
	retryMin, retryMax time.Duration // back-off of a failed post
	probe              time.Duration // how often a paused sink is asked
	rescan             time.Duration // how often new streams are looked for
	// fetch is how long one fetch waits for blocks. At shutdown the last one has
	// to end by itself, or what it brings would be lost to the group for AckWait.
	fetch    time.Duration
	look     time.Duration // how often the ledger's size and the group's lag are read
	progress time.Duration
}

func (p *pace) setDefaults() {
	for _, d := range []struct {
		at    *time.Duration
		value time.Duration
	}{
		{&p.retryMin, 200 * time.Millisecond},
		{&p.retryMax, 30 * time.Second},
		{&p.probe, 30 * time.Second},
		{&p.rescan, 30 * time.Second},
		{&p.fetch, time.Second},
		{&p.look, 5 * time.Second},
		{&p.progress, progress},
	} {
		if *d.at == 0 {
			*d.at = d.value
		}
	}
}

// Validate finds what would only fail later. Its errors begin with the
// variable's name less the prefix.
func (c *Config) Validate() error {
	switch {
	case c.Durable == "true" || c.Durable == "false":
		return fmt.Errorf("DURABLE=%q: expected a name, not a switch", c.Durable)
	case c.BatchSize < 1:
		return fmt.Errorf("BATCH_SIZE=%d: expected at least 1", c.BatchSize)
	case c.BatchTimeout <= 0:
		return fmt.Errorf("BATCH_TIMEOUT=%v: expected more than 0", c.BatchTimeout)
	case c.BatchBytes < 1:
		return fmt.Errorf("BATCH_BYTES=%d: expected at least 1", c.BatchBytes)
	case c.Inflight < 1:
		return fmt.Errorf("INFLIGHT_BYTES=%d: expected at least 1", c.Inflight)
	case c.MaxRefused <= 0 || c.MaxRefused > 1:
		return fmt.Errorf("MAX_REFUSED=%v: expected more than 0 and at most 1", c.MaxRefused)
	case c.DrainTimeout < 0:
		return fmt.Errorf("DRAIN_TIMEOUT=%v: expected 0 or more", c.DrainTimeout)
	}
	if _, err := c.spec(); err != nil {
		return fmt.Errorf("MATCH_SPEC: %w", err)
	}
	return nil
}

func (c *Config) spec() (*matcher.Spec, error) {
	if c.MatchSpec == "" {
		return nil, nil
	}
	return matcher.Parse(c.MatchSpec)
}

// LimitMemory makes the process keep to what a member may hold: blocks, the batch
// being filled, batches on their way. Nearly all garbage is blocks that were
// delivered, without a pointer in them; collecting these when the room is used up
// costs less than keeping the heap in proportion, and stays below 100 MiB. Whoever
// sets GOGC or GOMEMLIMIT knows better.
func (c *Config) LimitMemory() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit(maxHeld + int64(c.BatchBytes) + c.Inflight) // all three are never full at once
	debug.SetGCPercent(-1)
}

// Group is the name of the durable consumer that the members share.
func (c *Config) Group() string {
	name := c.Program
	switch {
	case c.Durable != "" && c.QGroup != "":
		name = c.Durable + "_" + c.QGroup
	case c.Durable != "":
		name = c.Durable
	case c.QGroup != "":
		name = c.QGroup
	}
	return stream.Clean(name)
}
