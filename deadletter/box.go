package deadletter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/heka"
	"lagermeister/heka/matcher"
	"lagermeister/stream"
)

// maxGroups bounds the kinds of refusals that are told apart; what comes beyond
// is only counted.
const maxGroups = 1000

// maxSubjects bounds the letters that are chosen one by one: they are kept in the
// audit.
const maxSubjects = 1000

// Box is the dead letters of one stream, for who looks after them. It holds none
// of them: each question reads the stream anew, by sequence, in bounded memory.
// There is no consumer.
type Box struct {
	js   jetstream.JetStream
	main string
	dead jetstream.Stream
}

// Open returns the dead letters of the stream main. The error wraps
// jetstream.ErrStreamNotFound when no subscriber has ever read it.
func Open(ctx context.Context, js jetstream.JetStream, main string) (*Box, error) {
	s, err := js.Stream(ctx, stream.DeadName(main))
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", stream.DeadName(main), err)
	}
	return &Box{js: js, main: main, dead: s}, nil
}

// Stream is the name of the stream whose dead letters these are.
func (b *Box) Stream() string { return b.main }

// Filter selects dead letters; a zero one selects all.
type Filter struct {
	Group    string    `json:"group,omitempty"`
	Match    string    `json:"match,omitempty"`    // a match spec; what is no message matches only an empty one
	Reason   string    `json:"reason,omitempty"`   // fingerprint or error type
	Subjects []string  `json:"subjects,omitempty"` // of the only letters that are meant, each once; at most maxSubjects
	From     time.Time `json:"from,omitzero"`      // first refused at From or later
	To       time.Time `json:"to,omitzero"`        // and before To
}

// Entry is a stored letter.
type Entry struct {
	Letter
	At   uint64 // sequence in the dead-letter stream
	Size int    // of the frame in bytes, also when Frame was not kept

	// Hostname and the beginning of the payload of the record, set by List; empty
	// when it does not decode.
	Hostname, Payload string
}

// Each calls see for the letters that f selects, the oldest first, from sequence
// after+1 of the dead-letter stream on, until see returns an error; stream.ErrStop
// is none. Letters that are stored meanwhile are not waited for. Chosen ones come in
// the order of their subjects, all of them whatever after is.
func (b *Box) Each(ctx context.Context, f Filter, after uint64, see func(*Entry) error) error {
	var spec *matcher.Spec
	if f.Match != "" {
		var err error
		if spec, err = matcher.Parse(f.Match); err != nil {
			return fmt.Errorf("match: %w", err)
		}
	}
	var m heka.Message
	look := func(msg *jetstream.RawStreamMsg) error {
		e, ok := entry(msg)
		if !ok || !f.selects(&e.Letter) || spec != nil && !matches(spec, &m, e.Frame) {
			return nil
		}
		return see(&e)
	}
	if len(f.Subjects) == 0 {
		return stream.Scan(ctx, b.js, stream.DeadName(b.main), after+1, look)
	}
	if err := b.checkSubjects(f.Subjects); err != nil {
		return err
	}
	stopped := false
	for _, subject := range f.Subjects {
		err := b.under(ctx, subject, 1, func(msg *jetstream.RawStreamMsg) error {
			err := look(msg)
			stopped = errors.Is(err, stream.ErrStop)
			return cmp.Or(err, stream.ErrStop) // there is only one at a time
		})
		if err != nil || stopped {
			return err
		}
	}
	return nil
}

// checkSubjects says what is wrong with the subjects of a filter, before anything is
// done to the first of them.
func (b *Box) checkSubjects(subjects []string) error {
	if len(subjects) > maxSubjects {
		return &asking{http.StatusBadRequest, fmt.Errorf("%d subjects, at most %d", len(subjects), maxSubjects)}
	}
	seen := make(map[string]bool, len(subjects))
	for _, subject := range subjects {
		if !b.isLetter(subject) {
			return &asking{http.StatusBadRequest, fmt.Errorf("%q is not the subject of a dead letter of stream %s", subject, b.main)}
		}
		if seen[subject] {
			return &asking{http.StatusBadRequest, fmt.Errorf("subject %s is given twice", subject)}
		}
		seen[subject] = true
	}
	return nil
}

// isLetter says whether a subject is that of one of the box's letters.
func (b *Box) isLetter(subject string) bool {
	main, _, _, _, _, ok := stream.ParseDeadSubject(subject)
	return ok && main == b.main && !stream.IsWildcard(subject)
}

// under calls see for what stands from sequence from on under subjects that match a
// pattern, which few do, until see returns an error; stream.ErrStop is none.
func (b *Box) under(ctx context.Context, pattern string, from uint64, see func(*jetstream.RawStreamMsg) error) error {
	for {
		msg, err := stream.Next(ctx, b.js, stream.DeadName(b.main), pattern, from)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err == nil {
			err = see(msg)
		}
		switch {
		case errors.Is(err, stream.ErrStop):
			return nil
		case err != nil:
			return err
		}
		from = msg.Sequence + 1
	}
}

// entry reads a stored message; false when it was not written by us.
func entry(msg *jetstream.RawStreamMsg) (e Entry, ok bool) {
	l, err := Parse(msg.Subject, msg.Header, msg.Data)
	return Entry{Letter: l, At: msg.Sequence, Size: len(msg.Data)}, err == nil
}

// selects decides what the headers can tell.
func (f *Filter) selects(l *Letter) bool {
	return (f.Group == "" || stream.Clean(f.Group) == l.Group) &&
		(f.Reason == "" || f.Reason == l.ErrorType || f.Reason == Fingerprint(l.ErrorType, l.Reason)) &&
		(f.From.IsZero() || !l.First.Before(f.From)) && (f.To.IsZero() || l.First.Before(f.To))
}

// matches says whether the record in a letter is selected; what is no message never is.
func matches(spec *matcher.Spec, m *heka.Message, stored []byte) bool {
	for _, r := range heka.Records(stored) {
		return r.Body != nil && m.Parse(r.Body) == nil && spec.Match(m)
	}
	return false
}

// beginning is as much of a text as tells what a letter is about.
func beginning(text []byte) string {
	return strings.ToValidUTF8(string(text[:min(len(text), 256)]), "\uFFFD")
}

// List returns up to limit letters without their frames, from sequence after+1
// on, and what to give as after for the next page, 0 when there is none. Chosen
// letters are one page.
func (b *Box) List(ctx context.Context, f Filter, after uint64, limit int) (page []Entry, next uint64, err error) {
	err = b.Each(ctx, f, after, func(e *Entry) error {
		if len(page) == limit && len(f.Subjects) == 0 {
			next = page[limit-1].At
			return stream.ErrStop
		}
		if m, ok := e.Message(); ok {
			e.Hostname, e.Payload = beginning(m.Hostname), beginning(m.Payload)
		}
		e.Frame = nil
		page = append(page, *e)
		return nil
	})
	return page, next, err
}

// ErrNotFound says that there is no such letter.
var ErrNotFound = errors.New("no such dead letter")

// Show returns the letters at a position "SEQ.INDEX", one for each group and
// epoch that refused it, or the one with a subject, with their frames.
func (b *Box) Show(ctx context.Context, which string) (list []Entry, err error) {
	pattern := which
	if sequence, index, ok := position(which); ok {
		pattern = stream.DeadSubjectsOf(b.main, sequence, index)
	} else if !b.isLetter(which) {
		return nil, fmt.Errorf("%q is neither a position such as 1234.0 nor the subject of a dead letter of stream %s: %w", which, b.main, ErrNotFound)
	}
	err = b.under(ctx, pattern, 1, func(msg *jetstream.RawStreamMsg) error {
		if e, ok := entry(msg); ok {
			list = append(list, e)
		}
		return nil
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s in stream %s: %w", which, b.main, ErrNotFound)
	}
	return list, err
}

// position reads SEQ.INDEX.
func position(text string) (sequence uint64, index int, ok bool) {
	before, after, _ := strings.Cut(text, ".")
	sequence, err := strconv.ParseUint(before, 10, 64)
	if err == nil {
		index, err = strconv.Atoi(after)
	}
	return sequence, index, err == nil && index >= 0
}

// Kind is letters of one group that were refused for the same reason.
type Kind struct {
	Group       string    `json:"group"`
	Fingerprint string    `json:"fingerprint"`
	Sink        string    `json:"sink"`
	Status      int       `json:"status"`
	ErrorType   string    `json:"error_type"`
	Pattern     string    `json:"pattern"` // the reason without what differs
	Example     string    `json:"example"` // the reason of the last letter
	Letters     uint64    `json:"letters"`
	Bytes       uint64    `json:"bytes"`
	First       time.Time `json:"first"`    // first refusal of all
	Last        time.Time `json:"last"`     // last one
	Attempts    int       `json:"attempts"` // the most of one letter
}

// Summary is what lies in a box, by kind, the most frequent first.
type Summary struct {
	Stream  string `json:"stream"`
	Letters uint64 `json:"letters"`
	Kinds   []Kind `json:"kinds"`
	Others  uint64 `json:"others"` // letters beyond the kinds that are told apart
}

// Summary goes over the letters that f selects.
func (b *Box) Summary(ctx context.Context, f Filter) (Summary, error) {
	s := Summary{Stream: b.main, Kinds: []Kind{}}
	at := map[[2]string]int{}
	err := b.Each(ctx, f, 0, func(e *Entry) error {
		s.Letters++
		key := [2]string{e.Group, Fingerprint(e.ErrorType, e.Reason)}
		i, known := at[key]
		if !known {
			if len(s.Kinds) == maxGroups {
				s.Others++
				return nil
			}
			i = len(s.Kinds)
			at[key] = i
			s.Kinds = append(s.Kinds, Kind{Group: e.Group, Fingerprint: key[1], ErrorType: e.ErrorType, Pattern: Pattern(e.Reason), First: e.First})
		}
		k := &s.Kinds[i]
		k.Letters++
		k.Bytes += uint64(e.Size)
		k.Sink, k.Status, k.Example = e.Sink, e.Status, e.Reason
		k.Attempts = max(k.Attempts, e.Attempts)
		if e.First.Before(k.First) {
			k.First = e.First
		}
		if e.Last.After(k.Last) {
			k.Last = e.Last
		}
		return nil
	})
	slices.SortStableFunc(s.Kinds, func(a, b Kind) int { return int(b.Letters) - int(a.Letters) })
	return s, err
}
