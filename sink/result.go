package sink

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Outcome tells what became of one record in one attempt.
type Outcome uint8

// The zero Outcome is Retry: what nobody has spoken for is not delivered.
const (
	Retry     Outcome = iota // not settled; the attempt's Error says what to do
	Delivered                // the far end has taken it
	Already                  // the far end had it before: delivered by an earlier attempt
	Repaired                 // delivered in a changed shape, after a mapping conflict
	Refused                  // the far end will never take it: dead letter
)

var outcomeNames = [...]string{"retry", "delivered", "already", "repaired", "refused"}

func (o Outcome) String() string { return name(outcomeNames[:], int(o)) }

// Final reports whether the record needs no further attempt.
func (o Outcome) Final() bool { return o != Retry }

// Result is what an attempt brought for one record. Status, Type and Reason are
// the far end's words, made safe by Words; they are set for Refused and, where
// the far end spoke about the record, for Retry.
type Result struct {
	Outcome Outcome
	Status  int    // HTTP status of the record, or of the batch that held only it
	Type    string // the far end's name for the error
	Reason  string
}

// Class says what is to be done with the records of an attempt that are still
// Retry.
type Class uint8

const (
	Again Class = iota // send them again after a back-off, for ever
	Pause              // send nothing through this sink until a Probe succeeds; someone must act
	Split              // send them again in two halves; never returned for a single record
)

var classNames = [...]string{"again", "pause", "split"}

func (c Class) String() string { return name(classNames[:], int(c)) }

// Error is the end of an attempt that left records unsettled.
type Error struct {
	Class      Class
	Attempt    string        // what was attempted, on what: "POST http://search:9200 _bulk, 1000 records"
	Status     int           // HTTP status; 0 without an answer; an item's when the items decided
	RetryAfter time.Duration // what the far end asked for, at most MaxRetryAfter; 0: nothing
	Type       string        // the far end's words, as in Result
	Reason     string
	Err        error // the cause on our side (network, time-out, unreadable answer), or nil
}

// MaxRetryAfter bounds Error.RetryAfter, so that a far end's slip does not stop
// delivery for a day.
const MaxRetryAfter = 10 * time.Minute

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Attempt)
	sep := ": "
	if e.Attempt == "" {
		sep = ""
	}
	add := func(format string, args ...any) {
		b.WriteString(sep)
		fmt.Fprintf(&b, format, args...)
		sep = ": "
	}
	if e.Status != 0 {
		add("status %d", e.Status)
	}
	if e.Type != "" {
		add("%s", e.Type)
	}
	if e.Reason != "" {
		add("%s", e.Reason)
	}
	if e.Err != nil {
		add("%v", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// MaxWords is the longest Type or Reason, in bytes.
const MaxWords = 1 << 10

// Words makes text of the far end fit for logs, terminals, headers and dead letters:
// valid UTF-8, one line, nothing but what prints (no control characters, and none
// that turn the direction of writing), at most MaxWords bytes.
func Words(text []byte) string {
	if len(text) > 2*MaxWords {
		text = text[:2*MaxWords]
	}
	s := strings.ToValidUTF8(string(text), "\uFFFD")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
	if len(s) <= MaxWords {
		return s
	}
	cut := MaxWords - len("…")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}
