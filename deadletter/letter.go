// Package deadletter keeps what no sink would take: the original bytes with the
// reason, in the stream <stream>_DEAD.
//
// A Letter is one refused record; a Store puts letters away; a Box is where an
// operator looks at them, asks for them to be replayed, or drops them. The
// promises: a letter is stored before the record counts as settled; the same
// record of the same group is stored once, however often a subscriber crashes in
// between; the bytes are the very ones that were received; nobody changes
// anything without leaving a trace in LM_AUDIT.
//
// The formats are described in docs/wire-format.md, "Dead letters".
package deadletter

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/sink"
	"lagermeister/stream"
)

// Error types that we give ourselves; all others are the far end's.
const (
	Undecodable = "undecodable" // the bytes are no Heka message
	IndexLimit  = "index_limit" // the record needs one new index name too many
)

// NoFrame is the reason of an Undecodable letter whose bytes were found where a
// frame should have been: they are not to be taken for a bare message later.
const NoFrame = "not a complete frame"

// Letter is a record that is not going to be delivered.
type Letter struct {
	Stream, Group string
	Epoch         int64  // of the group
	Sequence      uint64 // of the block
	Index         int    // of the record in it

	Sink      string // name of the sink that refused it
	Status    int    // HTTP status, 0 without one
	ErrorType string
	Reason    string

	ID     string // record id, empty when the bytes do not decode
	Origin string // of the block, for the id
	Cut    string // Lm-Cut of the block, unix ms; empty when it had none

	First, Last time.Time // first and last refusal
	Attempts    int       // deliveries that ended in a refusal, 1 at first

	Frame []byte // the one original frame, or whatever stood in its place
}

// Subject is the letter's address. Storing a second one there is refused.
func (l *Letter) Subject() string {
	return stream.DeadSubject(l.Stream, l.Group, l.Epoch, l.Sequence, l.Index)
}

// Msg is the letter as it is stored. The body is Frame, not a copy.
func (l *Letter) Msg() *nats.Msg {
	h := nats.Header{}
	for _, one := range []struct{ name, value string }{
		{stream.HeaderGroup, l.Group},
		{stream.HeaderSink, l.Sink},
		{stream.HeaderStatus, strconv.Itoa(l.Status)},
		{stream.HeaderErrorType, words(l.ErrorType)},
		{stream.HeaderReason, words(l.Reason)},
		{stream.HeaderID, l.ID},
		{stream.HeaderFirst, l.First.UTC().Format(time.RFC3339Nano)},
		{stream.HeaderLast, l.Last.UTC().Format(time.RFC3339Nano)},
		{stream.HeaderAttempts, strconv.Itoa(l.Attempts)},
		{stream.HeaderOrigin, words(l.Origin)},
		{stream.HeaderIndex, strconv.Itoa(l.Index)},
		{stream.HeaderCut, l.Cut},
		{stream.HeaderEpoch, strconv.FormatInt(l.Epoch, 10)},
	} {
		if one.value != "" {
			h[one.name] = []string{one.value}
		}
	}
	return &nats.Msg{Subject: l.Subject(), Header: h, Data: l.Frame}
}

// Parse reads a stored letter; data is not copied. Headers that are missing or
// unreadable leave their field empty. The error says that this is no letter.
func Parse(subject string, h nats.Header, data []byte) (l Letter, err error) {
	var ok bool
	if l.Stream, l.Group, l.Epoch, l.Sequence, l.Index, ok = stream.ParseDeadSubject(subject); !ok {
		return Letter{}, fmt.Errorf("subject %q: expected lm.dead.STREAM.GROUP.EPOCH.SEQUENCE.INDEX", subject)
	}
	l.Sink, l.ErrorType, l.Reason = h.Get(stream.HeaderSink), h.Get(stream.HeaderErrorType), h.Get(stream.HeaderReason)
	l.ID, l.Origin, l.Cut = h.Get(stream.HeaderID), h.Get(stream.HeaderOrigin), h.Get(stream.HeaderCut)
	l.Status, _ = strconv.Atoi(h.Get(stream.HeaderStatus))
	l.Attempts, _ = strconv.Atoi(h.Get(stream.HeaderAttempts))
	l.First, _ = time.Parse(time.RFC3339Nano, h.Get(stream.HeaderFirst))
	l.Last, _ = time.Parse(time.RFC3339Nano, h.Get(stream.HeaderLast))
	l.Frame = data
	return l, nil
}

// Replay is the message that has l's group deliver it once more.
func (l *Letter) Replay() *nats.Msg {
	return &nats.Msg{
		Subject: stream.ReplaySubject(l.Stream, l.Group),
		Header: nats.Header{
			stream.HeaderOrigin:   {words(l.Origin)},
			stream.HeaderSequence: {strconv.FormatUint(l.Sequence, 10)},
			stream.HeaderIndex:    {strconv.Itoa(l.Index)},
			stream.HeaderCut:      {l.Cut},
			stream.HeaderDead:     {l.Subject()},
		},
		Data: l.Frame,
	}
}

// Position is SEQ.INDEX of the record.
func (l *Letter) Position() string { return fmt.Sprintf("%d.%d", l.Sequence, l.Index) }

// fit cuts the letter so that it goes into one message of at most size bytes,
// and says so in the reason; false means that this is no help. What our own
// publishers store is never that large.
func (l *Letter) fit(size int64) bool {
	const headers = 8 << 10
	room := max(size-headers, 0)
	if int64(len(l.Frame)) <= room {
		return false
	}
	l.Reason = fmt.Sprintf("cut from %d bytes: %s", len(l.Frame), l.Reason)
	l.Frame = l.Frame[:room]
	return true
}

// words makes text fit for a header: a line end in it would begin another one.
func words(text string) string { return sink.Words([]byte(text)) }
