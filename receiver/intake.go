package receiver

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/sirupsen/logrus"

	"lagermeister/heka"
	"lagermeister/heka/matcher"
)

// Publisher stores frames.
type Publisher interface {
	// Append copies whole frames into the open block, waiting while the window
	// is full. An error (ctx ended) means that some may be stored and stored is
	// never called. nil means that stored is called once, from the publisher's
	// goroutine, with nil when all are durable and with an error only at exit;
	// it must not block.
	Append(ctx context.Context, frames []byte, records int, stored func(error)) error

	// Unavailable is nil, or says why nothing should be taken in now: broker
	// unreachable, stream full. It is asked for every read and must be cheap.
	Unavailable() error

	// MaxMessage is the largest message body whose frame fits a block, in bytes.
	MaxMessage() int
}

// IncompleteError is what a Shutdown returns that ran out of time.
type IncompleteError struct {
	Records  int64 // read from clients and not given to the publisher
	Requests int64 // HTTP requests cut off without an answer
}

func (e *IncompleteError) Error() string {
	if e.Records > 0 {
		return fmt.Sprintf("drain time ended with %d records read and not taken by the stream", e.Records)
	}
	return fmt.Sprintf("drain time ended with %d requests unanswered", e.Requests)
}

// intake decides what becomes of records. It is shared by all connections of a
// receiver and safe for concurrent use.
type intake struct {
	*metrics
	pub        Publisher
	spec       *matcher.Spec
	signers    heka.Signers
	signedOnly bool
	maxMessage int
}

func newIntake(cfg *IntakeConfig, pub Publisher, log logrus.FieldLogger, m *metrics) (*intake, error) {
	spec, err := cfg.matcher()
	if err != nil {
		return nil, err
	}
	signers, err := cfg.signers()
	if err != nil {
		return nil, err
	}
	in := &intake{metrics: m, pub: pub, spec: spec, signers: signers, signedOnly: cfg.RequireSignature, maxMessage: cfg.MaxMessageSize}
	if fits := in.limit(); fits < in.maxMessage {
		log.WithFields(logrus.Fields{"max_message_size": in.maxMessage, "effective": fits}).
			Warn("the stream takes no frame of MAX_MESSAGE_SIZE (see the NATS server's max_payload): larger messages than it takes are refused")
	}
	return in, nil
}

// limit is the largest message that is taken now, in bytes: another NATS server
// may have another max_payload.
func (in *intake) limit() int { return max(min(in.maxMessage, in.pub.MaxMessage()), 1) }

// judge is what one goroutine needs to look at frames: scratch memory, from a pool.
type judge struct {
	scan heka.Scanner
	msg  heka.Message
}

var judges = sync.Pool{New: func() any { return new(judge) }}

func (in *intake) newJudge() *judge {
	j := judges.Get().(*judge)
	j.scan = heka.Scanner{MaxMessage: in.limit()}
	return j
}

// verdict over one frame: keep (the zero value), drop, or refuse for a reason.
type verdict struct {
	filtered bool
	why      reason
	err      error // not nil: refused
}

// judge looks at one frame within the size limit.
func (in *intake) judge(msg *heka.Message, f heka.Frame) verdict {
	if err := msg.Parse(f.Body); err != nil {
		return verdict{why: undecodable, err: err}
	}
	if err := msg.Validate(); err != nil {
		why := hostname
		if invalid := (*heka.InvalidError)(nil); errors.As(err, &invalid) && invalid.Reason == reasonNames[empty] {
			why = empty
		}
		return verdict{why: why, err: err}
	}
	if in.signers != nil {
		if _, err := in.signers.Verify(f); err != nil {
			return verdict{why: signature, err: err}
		}
		if in.signedOnly && !heka.Signed(f) {
			return verdict{why: unsigned, err: errUnsigned}
		}
	}
	return verdict{filtered: !in.spec.Match(msg)}
}

var errUnsigned = errors.New("message carries no signature and one is required")

// sift judges all complete frames in b, as much as came over a TCP connection.
// It moves those to keep to the front of b, side by side, and returns them with
// what it counted, the rest of b, which is an incomplete frame or empty, and how
// many bytes that frame needs at least. The t.kept records are in flight then and
// have to go to store.
func (in *intake) sift(b []byte) (kept []byte, t tally, rest []byte, want int) {
	j := in.newJudge()
	defer judges.Put(j)
	end, at := 0, 0 // b[:end] is kept, b[:at] is judged
	for {
		f, n, need := j.scan.Next(b[at:])
		at += n
		if f.Raw == nil {
			rest, want = b[at:], need
			break
		}
		t.received++
		switch v := in.judge(&j.msg, f); {
		case v.err != nil:
			t.refused[v.why]++
		case v.filtered:
			t.filtered++
		default:
			t.kept++
			if end+len(f.Raw) < at { // a gap before it
				copy(b[end:], f.Raw)
			}
			end += len(f.Raw)
		}
	}
	t.garbage = j.scan.Skipped
	t.framed = uint64(at) - t.garbage
	t.refused[oversized] += j.scan.Oversized
	t.received += j.scan.Oversized
	in.add(&t)
	return b[:end], t, rest, want
}

// refusal says why nothing of a request was taken.
type refusal struct {
	why    reason
	record int // index in the request
	start  int // byte of the request where the record begins
	offset int // byte of the request that is wrong
	err    error
}

var errNoFrame = errors.New("no frame starts here: expected 0x1E, header length, header, 0x1F")

// siftAll judges a request's frames, of which either all are taken or none. With
// nil it returns those to keep at the front of b with their number, and how many
// the match spec dropped; counting and storing is as for sift. An empty b holds
// no record.
func (in *intake) siftAll(b []byte) (kept []byte, records, filtered int, no *refusal) {
	j := in.newJudge()
	defer judges.Put(j)
	var t tally
	end, at := 0, 0
	for at < len(b) && no == nil {
		f, n, want := j.scan.Next(b[at:])
		if len(f.Raw) == 0 || len(f.Raw) < n {
			no = j.unframed(b[at:], n, want)
			no.start, no.offset = at, at
			break
		}
		t.received++
		switch v := in.judge(&j.msg, f); {
		case v.err != nil:
			no = &refusal{why: v.why, start: at, offset: at, err: v.err}
			if decode := (*heka.DecodeError)(nil); errors.As(v.err, &decode) {
				no.offset += len(f.Raw) - len(f.Body) + decode.Offset
			}
			t.refused[v.why]++
		case v.filtered:
			t.filtered++
		default:
			t.kept++
			if end < at {
				copy(b[end:], f.Raw)
			}
			end += len(f.Raw)
		}
		at += n
	}
	if no != nil {
		no.record = int(t.kept + t.filtered)
		if t.received == uint64(no.record) { // what stands there is no frame, but meant to be one
			t.received++
			t.refused[no.why]++
		}
		t.refused[neighbour] += t.kept + t.filtered
		t.kept, t.filtered = 0, 0
	}
	t.framed = uint64(at)
	in.add(&t)
	return b[:end], int(t.kept), int(t.filtered), no
}

// unframed says why b, which is not empty, does not start with a frame; n and
// want are what the scanner made of it.
func (j *judge) unframed(b []byte, n, want int) *refusal {
	switch {
	case b[0] != heka.RecordSeparator:
		return &refusal{why: undecodable, err: errNoFrame}
	case n == 0:
		return &refusal{why: truncated, err: fmt.Errorf("frame is cut off: needs at least %d bytes, %d are left", want, len(b))}
	}
	no := &refusal{why: undecodable}
	again := heka.Scanner{MaxMessage: j.scan.MaxMessage, OnReject: func(at int, err error) {
		if at == 0 { // what follows is searched for frames and may have faults of its own
			no.err = err
		}
	}}
	again.Next(b[:min(len(b), heka.FramingSize+heka.MaxHeader)])
	if errors.Is(no.err, heka.ErrTooLarge) {
		no.why = oversized
	}
	return no
}

// refuse counts one record that never became a frame.
func (in *intake) refuse(why reason) {
	t := tally{received: 1}
	t.refused[why] = 1
	in.add(&t)
}

// ticket accompanies the records of one Append until they are stored.
type ticket struct {
	in      *intake
	records int
	answer  chan<- error
	stored  func(error) // the method settle, bound once
}

var tickets sync.Pool

// store gives frames to the publisher, waiting while its window is full, and
// counts their way out of flight. An error means that they are given up and
// nothing will be heard of them; otherwise answer, when it is not nil and has
// room for one, gets the outcome.
func (in *intake) store(ctx context.Context, frames []byte, records int, answer chan<- error) error {
	t, ok := tickets.Get().(*ticket)
	if !ok {
		t = new(ticket)
		t.stored = t.settle
	}
	t.in, t.records, t.answer = in, records, answer
	err := in.pub.Append(ctx, frames, records, t.stored)
	if err != nil {
		t.settle(err)
	}
	return err
}

func (t *ticket) settle(err error) {
	t.in.settled(t.records, err)
	answer := t.answer
	t.in, t.answer = nil, nil
	tickets.Put(t)
	if answer != nil {
		answer <- err
	}
}
