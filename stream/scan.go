package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What one request of a scan brings at most, and so what a scan holds.
const (
	scanMessages = 1000
	scanBytes    = 2 << 20 // and one message
)

// Scan calls see for each message of a stream from sequence from on, in order, up
// to what is the last one when it begins, until see returns an error, which is
// returned as it is; ErrStop is none. What see is given is its own.
//
// It reads by sequence, so that there is no consumer. Of a stream that allows direct
// reads any replica answers, with many messages at a time. What that one does not
// have its leader is asked for, one message at a time: a replica that lags behind,
// and an answer that got lost on the way, leave nothing out.
func Scan(ctx context.Context, js jetstream.JetStream, name string, from uint64, see func(*jetstream.RawStreamMsg) error) error {
	s, err := js.Stream(ctx, name)
	if err != nil {
		return apiError(js, "look up stream "+name, err)
	}
	state := s.CachedInfo().State
	c := scan{js: js, name: name, to: state.LastSeq, next: max(from, state.FirstSeq, 1), see: see}
	for direct := true; err == nil && c.next <= c.to; {
		before := c.next
		if direct {
			direct, err = c.direct(ctx)
		}
		if err == nil && c.next == before {
			err = c.leader(ctx)
		}
	}
	if errors.Is(err, ErrStop) {
		return nil
	}
	return err
}

// scan is how far Scan has come.
type scan struct {
	js   jetstream.JetStream
	name string
	next uint64 // sequence to go on with
	to   uint64 // last sequence
	see  func(*jetstream.RawStreamMsg) error
}

// direct sees what one direct read brings; false means that another one is of no use.
func (c *scan) direct(ctx context.Context) (again bool, err error) {
	what := func(err error) error {
		return apiError(c.js, fmt.Sprintf("read stream %s from sequence %d on", c.name, c.next), err)
	}
	nc := c.js.Conn()
	sub, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		return false, what(err)
	}
	defer sub.Unsubscribe()
	ask := fmt.Appendf(nil, `{"seq":%d,"batch":%d,"max_bytes":%d}`, c.next, scanMessages, scanBytes)
	if err := nc.PublishRequest(jetstream.DefaultAPIPrefix+"DIRECT.GET."+c.name, sub.Subject, ask); err != nil {
		return false, what(err)
	}
	for last := uint64(0); ; {
		wait, cancel := context.WithTimeout(ctx, askWithin)
		msg, err := sub.NextMsgWithContext(wait)
		cancel()
		switch {
		case ctx.Err() != nil:
			return false, what(context.Cause(ctx))
		case err != nil: // nobody answers, or nobody goes on: the leader says why
			return false, nil
		}
		switch msg.Header.Get("Status") {
		case "":
		case "204", "404": // that was all this replica has, or may send at once
			return true, nil
		default:
			return false, nil
		}
		m, before, err := directMessage(msg)
		switch {
		case err != nil: // a server that knows no such reads
			return false, nil
		case before != last || m.Sequence < c.next: // one got lost: ask again from there
			return true, nil
		}
		last = m.Sequence
		if err := c.take(m); err != nil || c.next > c.to {
			return false, err
		}
	}
}

// leader sees the next message that the leader has.
func (c *scan) leader(ctx context.Context) error {
	m, err := Next(ctx, c.js, c.name, ">", c.next)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		c.next = c.to + 1
		return nil
	}
	if err != nil {
		return err
	}
	return c.take(m)
}

func (c *scan) take(m *jetstream.RawStreamMsg) error {
	if m.Sequence > c.to {
		c.next = c.to + 1
		return nil
	}
	c.next = m.Sequence + 1
	return c.see(m)
}

// directMessage takes apart what a direct read brings; before is the sequence of
// the message that was sent before it, 0 of the first. The server's headers stand
// behind those the message was stored with.
func directMessage(msg *nats.Msg) (m *jetstream.RawStreamMsg, before uint64, err error) {
	header := func(name string) string {
		if values := msg.Header[name]; len(values) > 0 {
			return values[len(values)-1]
		}
		return ""
	}
	m = &jetstream.RawStreamMsg{Subject: header(jetstream.SubjectHeader), Header: msg.Header, Data: msg.Data}
	m.Sequence, err = strconv.ParseUint(header(jetstream.SequenceHeader), 10, 64)
	if err == nil {
		m.Time, err = time.Parse(time.RFC3339Nano, header(jetstream.TimeStampHeaer))
	}
	if err == nil {
		before, err = strconv.ParseUint(header("Nats-Last-Sequence"), 10, 64)
	}
	return m, before, err
}
