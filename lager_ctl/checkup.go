package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
)

// stream examines one main stream, its groups and its dead letters.
func (x *examination) stream(ctx context.Context, name string) {
	s, err := x.js.Stream(ctx, name)
	if err != nil {
		x.found(fail, "", "look up stream %s: %v", name, err)
		return
	}
	x.durability(ctx, name)
	info := s.CachedInfo()
	x.replicas(info)
	x.settings(info)
	x.purgeRight(ctx, s)
	x.groups(ctx, s)
	x.dead(ctx, stream.DeadName(name))
}

// durability tells how the stream keeps what it acknowledged. Settings by which
// it drops records are a failure, unless they were chosen.
func (x *examination) durability(ctx context.Context, name string) {
	d, err := stream.AskDurability(ctx, x.js, name, x.cfg.Config)
	if err != nil {
		x.found(warn, "", "durability of stream %s: %v", name, err)
		return
	}
	lazy := fmt.Sprintf("sync_interval: always in the jetstream block of the server's configuration, or three servers and: nats stream edit %s --replicas=3", name)
	if d.FsyncBy == "no answer" {
		lazy = "CTL_BROKER_FSYNC=true where that is declared rightly, as for a local_relay; else " + lazy
	}
	weak := d.Weak()
	for i, reason := range weak {
		if i < len(d.Loses) {
			level := fail
			if x.cfg.WhenFull == stream.WhenFullExpire && strings.Contains(reason, "discard old") {
				level = warn
			}
			x.found(level, losesFix(name, reason), "stream %s: %s", name, reason)
			continue
		}
		level := warn
		if d.Refusal(x.cfg.RequireDurability) != "" {
			level = fail
		}
		x.found(level, lazy, "stream %s: %s", name, reason)
	}
	if refusal := d.Refusal(x.cfg.RequireDurability); refusal != "" && len(weak) == 0 {
		x.found(fail, lazy, "stream %s does not satisfy CTL_REQUIRE_DURABILITY=%s: %s", name, x.cfg.RequireDurability, refusal)
	}
	if len(weak) == 0 {
		x.found(good, "", "stream %s keeps what it acknowledged: %d replicas, fsync before the acknowledgement: %v (%s)", name, d.Replicas, d.Fsync, d.FsyncBy)
	}
}

// losesFix mends a setting by which a stream drops records.
func losesFix(name, reason string) string {
	switch {
	case strings.Contains(reason, "max_age"):
		return fmt.Sprintf("nats stream edit %s --max-age=0 (the subscribers remove what is settled and old)", name)
	case strings.Contains(reason, "discard old"):
		return fmt.Sprintf("nats stream edit %s --discard=new", name)
	}
	return "JetStream cannot change this: stop the receivers, let the groups drain the stream, remove it and let a receiver create it anew"
}

// replicas looks at the copies of the stream; without a cluster there are none.
func (x *examination) replicas(info *jetstream.StreamInfo) {
	name := info.Config.Name
	if info.Cluster == nil {
		return
	}
	if info.Cluster.Leader == "" {
		x.found(fail, "start the missing servers of the cluster: a majority must run", "stream %s has no leader: nothing can be stored", name)
	}
	for _, r := range info.Cluster.Replicas {
		switch {
		case r.Offline:
			x.found(warn, "start that server", "stream %s: replica %s is offline", name, r.Name)
		case !r.Current:
			x.found(warn, "wait; if it stays behind, look at that server's disk and network", "stream %s: replica %s is %d operations behind", name, r.Name, r.Lag)
		}
	}
}

// settings looks at what does not concern durability.
func (x *examination) settings(info *jetstream.StreamInfo) {
	name, c := info.Config.Name, info.Config
	if c.RePublish != nil {
		x.found(warn, "JetStream cannot take it away: let the groups drain the stream, remove it and let a receiver create it anew",
			"stream %s republishes to %s, which costs the broker a fifth of its time and serves nothing here", name, c.RePublish.Destination)
	}
	used := percent(info.State.Bytes, c.MaxBytes)
	switch {
	case c.MaxBytes <= 0:
		x.found(warn, fmt.Sprintf("nats stream edit %s --max-bytes=10GB", name), "stream %s has no size limit: only a full disk ends its growth, and everything else on it", name)
	case used >= fullAt:
		x.found(fail, "see the groups below: the one with the lowest floor holds the stream", "stream %s holds %s: receivers are about to refuse, or do so (HTTP 503, TCP not read)", name, size(info.State.Bytes, c.MaxBytes))
	case used >= filling:
		x.found(warn, "see the groups below: the one with the lowest floor holds the stream", "stream %s holds %s; above 80 %% only what some group has not settled", name, size(info.State.Bytes, c.MaxBytes))
	default:
		x.found(good, "", "stream %s holds %d blocks, %s", name, info.State.Msgs, size(info.State.Bytes, c.MaxBytes))
	}
}

// purgeRight asks for a purge that removes nothing: of messages before the
// first possible sequence, under a subject of which there is none.
func (x *examination) purgeRight(ctx context.Context, s jetstream.Stream) {
	name := s.CachedInfo().Config.Name
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	err := s.Purge(ctx, jetstream.WithPurgeSubject("lm.doctor.nothing"), jetstream.WithPurgeSequence(1))
	switch {
	case err == nil:
		x.found(good, "", "stream %s may be trimmed by this user", name)
	case errors.Is(x.nc.LastError(), nats.ErrPermissionViolation):
		x.found(fail, "allow $JS.API.STREAM.PURGE."+name+" to the user of the subscribers", "stream %s may not be purged by this user and will fill up: %v", name, x.nc.LastError())
	case s.CachedInfo().Config.DenyPurge:
		x.found(fail, "JetStream cannot change deny_purge: let the groups drain the stream, remove it and let a receiver create it anew", "stream %s denies purging and will fill up", name)
	default:
		x.found(warn, "", "stream %s: asking for an empty purge: %v", name, err)
	}
}

// groups looks at each consumer, and names who holds the stream.
func (x *examination) groups(ctx context.Context, s jetstream.Stream) {
	info := s.CachedInfo()
	name := info.Config.Name
	consumers, err := stream.Consumers(ctx, s)
	if err != nil {
		x.found(warn, "", "%v", err)
		return
	}
	var lowest *jetstream.ConsumerInfo
	for _, c := range consumers {
		if c.Config.Durable == "" {
			continue // a reader of its own, not a group
		}
		x.group(info, c)
		if lowest == nil || floor(info, c) < floor(info, lowest) {
			lowest = c
		}
	}
	switch {
	case lowest == nil:
		x.found(warn, "start a subscriber", "stream %s has no group: it keeps everything until it is full", name)
	case floor(info, lowest) < info.State.LastSeq && percent(info.State.Bytes, info.Config.MaxBytes) >= filling:
		x.found(fail, "start members of the group, or see why its sink takes nothing; if the group is abandoned: "+remove(name, lowest.Name),
			"stream %s is held by group %s, which has not settled block %d (of %d to %d)", name, lowest.Name, floor(info, lowest)+1, info.State.FirstSeq, info.State.LastSeq)
	}
}

// floor is up to where a group has settled the stream.
func floor(info *jetstream.StreamInfo, c *jetstream.ConsumerInfo) uint64 {
	return stream.Floors(info.State, []*jetstream.ConsumerInfo{c})[0].Seq
}

func remove(name, group string) string { return fmt.Sprintf("nats consumer rm %s %s", name, group) }

// group looks at one group: its settings, and whether somebody works for it.
func (x *examination) group(info *jetstream.StreamInfo, c *jetstream.ConsumerInfo) {
	name := info.Config.Name
	var wrong []string
	if c.Config.AckPolicy != jetstream.AckExplicitPolicy {
		wrong = append(wrong, fmt.Sprintf("ack policy %v", c.Config.AckPolicy))
	}
	if c.Config.FilterSubject != "" || len(c.Config.FilterSubjects) > 0 {
		wrong = append(wrong, "a filter")
	}
	if c.Config.MaxDeliver > 0 {
		wrong = append(wrong, fmt.Sprintf("max_deliver %d: blocks are given up", c.Config.MaxDeliver))
	}
	if c.PushBound || c.Config.DeliverSubject != "" {
		wrong = append(wrong, "push delivery")
	}
	if len(wrong) > 0 {
		x.found(fail, fmt.Sprintf("%s, then start its subscribers with START_SEQ=%d: they create it anew there", remove(name, c.Name), floor(info, c)+1), "group %s of stream %s was made for something else: %s", c.Name, name, strings.Join(wrong, ", "))
		return
	}
	waiting := c.NumPending + uint64(c.NumAckPending)
	state := fmt.Sprintf("group %s of stream %s has settled up to block %d; %d blocks wait, %d of them in work", c.Name, name, floor(info, c), waiting, c.NumAckPending)
	idle := c.NumWaiting == 0 && time.Since(last(c.Delivered)) > stream.AckWait
	switch {
	case c.Paused:
		x.found(warn, fmt.Sprintf("nats consumer resume %s %s", name, c.Name), "%s; it is paused for %s and holds the stream", state, c.PauseRemaining.Round(time.Second))
	case waiting > 0 && idle:
		x.found(warn, "start its subscribers, or see why their sink is paused; if the group is abandoned: "+remove(name, c.Name), "%s; nobody has fetched for %s, and it holds the stream", state, sinceText(last(c.Delivered)))
	default:
		x.found(good, "", "%s", state)
	}
}

// last is when something was delivered, long ago when never.
func last(s jetstream.SequenceInfo) time.Time {
	if s.Last == nil {
		return time.Time{}
	}
	return *s.Last
}

func sinceText(t time.Time) string {
	if t.IsZero() {
		return "as long as it exists"
	}
	return time.Since(t).Round(time.Second).String()
}

// dead looks at the dead letters of a stream.
func (x *examination) dead(ctx context.Context, name string) {
	s, err := x.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return // created with the first subscriber
	}
	if err != nil {
		x.found(warn, "", "look up stream %s: %v", name, err)
		return
	}
	info := s.CachedInfo()
	if c := info.Config; c.Discard != jetstream.DiscardNew || !c.DiscardNewPerSubject || c.MaxMsgsPerSubject != 1 {
		x.found(fail, fmt.Sprintf("nats stream edit %s --discard=new --discard-per-subject --max-msgs-per-subject=1", name),
			"stream %s would lose or double dead letters: discard %v, per subject %v, %d messages a subject", name, c.Discard, c.DiscardNewPerSubject, c.MaxMsgsPerSubject)
	}
	const fix = "see why (lager_ctl dead list --stream %s), mend it, then lager_ctl dead replay, or drop"
	used := percent(info.State.Bytes, info.Config.MaxBytes)
	text := fmt.Sprintf("stream %s holds %d dead letters, %s", name, info.State.Msgs, size(info.State.Bytes, info.Config.MaxBytes))
	switch {
	case used >= fullAt:
		x.found(fail, fmt.Sprintf(fix, strings.TrimSuffix(name, stream.DeadName("")))+fmt.Sprintf("; more room: nats stream edit %s --max-bytes=SIZE", name), "%s: it is full, and groups with more of them pause", text)
	case info.State.Msgs > 0:
		x.found(warn, fmt.Sprintf(fix, strings.TrimSuffix(name, stream.DeadName(""))), "%s", text)
	default:
		x.found(good, "", "%s", text)
	}
}
