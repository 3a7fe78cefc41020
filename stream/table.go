package stream

import (
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// This file is the table of streams: everything the suite creates, and how.
// JetStream removes nothing by itself from any of them (no max_age): what
// may go is decided by the Trimmer and by the folding of the ledger.

const (
	ledgerBytes = 256 << 20
	replayBytes = 256 << 20
	stateBytes  = 64 << 20
	auditBytes  = 16 << 20
)

const mainDescription = "Lagermeister: blocks of Heka frames"

// IsMain says whether a main stream was made here. One that somebody else made
// does as well, but does not say so.
func IsMain(c jetstream.StreamConfig) bool { return c.Description == mainDescription }

// mainStream keeps the records of one literal subject, which names it.
func mainStream(cfg Config) jetstream.StreamConfig {
	name := Clean(cfg.Subject)
	s := jetstream.StreamConfig{
		Name:        name,
		Description: mainDescription,
		Subjects:    []string{cfg.Subject},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		MaxBytes:    cfg.StreamMaxBytes,
		Duplicates:  cfg.DuplicateWindow,
		Replicas:    cfg.StreamReplicas,
		AllowDirect: true, // who only watches reads without the leader
	}
	if cfg.WhenFull == WhenFullExpire {
		s.Discard = jetstream.DiscardOld
	}
	return s
}

// deadStream keeps one message a dead letter: storing it twice is refused, and
// a roll-up may replace it. Its size is a tenth of the main stream's. Who looks
// through it reads many letters at a time.
func deadStream(main string, mainBytes int64, cfg Config) jetstream.StreamConfig {
	size := int64(maxDeadBytes)
	if mainBytes > 0 {
		size = min(size, mainBytes/10)
	}
	return jetstream.StreamConfig{
		Name:                 DeadName(main),
		Description:          "Lagermeister: records no sink would take",
		Subjects:             []string{DeadSubjects(main)},
		Retention:            jetstream.LimitsPolicy,
		Discard:              jetstream.DiscardNew,
		DiscardNewPerSubject: true,
		MaxMsgsPerSubject:    1,
		AllowRollup:          true,
		AllowDirect:          true,
		Storage:              jetstream.FileStorage,
		MaxBytes:             size,
		Replicas:             cfg.StreamReplicas,
	}
}

// ledgerStream keeps settlements until they are folded into the bucket of states.
func ledgerStream(cfg Config) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        Ledger,
		Description: "Lagermeister: settlements not folded yet",
		Subjects:    []string{"lm.ledger.>"},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		MaxBytes:    ledgerBytes,
		Replicas:    cfg.StreamReplicas,
	}
}

// replayStream keeps what is to be delivered once more until its group has done so.
func replayStream(cfg Config) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        Replay,
		Description: "Lagermeister: records to deliver once more",
		Subjects:    []string{"lm.replay.>"},
		Retention:   jetstream.WorkQueuePolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		MaxBytes:    replayBytes,
		Replicas:    cfg.StreamReplicas,
	}
}

// auditStream keeps who replayed and dropped what: the newest entries it has room for.
func auditStream(cfg Config) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        Audit,
		Description: "Lagermeister: who replayed and dropped what",
		Subjects:    []string{"lm.audit.>"},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		MaxBytes:    auditBytes,
		Replicas:    cfg.StreamReplicas,
	}
}

// stateBucket keeps the folded ledger of each group.
func stateBucket(cfg Config) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket:      StateBucket,
		Description: "Lagermeister: the ledger of each group",
		History:     1,
		Storage:     jetstream.FileStorage,
		MaxBytes:    stateBytes,
		Replicas:    cfg.StreamReplicas,
	}
}

// differences lists where an existing stream is not what we would have created:
// each entry names the setting, what it is and what was wanted.
func differences(is, want jetstream.StreamConfig, embedded bool) []string {
	var d []string
	differ := func(setting string, is, want any) {
		if is != want {
			d = append(d, fmt.Sprintf("%s is %v, wanted %v", setting, is, want))
		}
	}
	differ("retention", is.Retention, want.Retention)
	differ("discard", is.Discard, want.Discard)
	differ("storage", is.Storage, want.Storage)
	differ("max_age", is.MaxAge, want.MaxAge)
	differ("max_msgs", max(is.MaxMsgs, 0), max(want.MaxMsgs, 0))
	differ("max_msgs_per_subject", max(is.MaxMsgsPerSubject, 0), max(want.MaxMsgsPerSubject, 0))
	differ("discard_new_per_subject", is.DiscardNewPerSubject, want.DiscardNewPerSubject)
	differ("num_replicas", is.Replicas, max(want.Replicas, 1))
	differ("republish", is.RePublish != nil, false) // each block would be copied twice more
	if want.AllowRollup {
		differ("allow_rollup_hdrs", is.AllowRollup, true)
	}
	if want.Duplicates > 0 {
		differ("duplicate_window", is.Duplicates, want.Duplicates)
	}
	if !embedded { // there the wanted size follows the free space of the day
		differ("max_bytes", is.MaxBytes, want.MaxBytes)
	}
	return d
}
