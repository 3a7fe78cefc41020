package loadgen

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"lagermeister/heka"
)

// Spread is how the sizes of messages vary around their mean.
type Spread uint8

// The spreads of SIZE_DISTRIBUTION.
const (
	Fixed     Spread = iota
	Uniform          // half to one and a half of the mean
	LogNormal        // sigma 1: the median is 0.61 of the mean
)

// Kind is what a record is meant to be to its receiver.
type Kind uint8

// The kinds of records.
const (
	Good      Kind = iota
	Corrupt        // garbage between frames, or a frame whose message does not decode
	Oversized      // a whole frame with a message over heka.DefaultMaxMessage
)

// Recipe is what a Source makes records by.
type Recipe struct {
	Seed      uint64
	Start     time.Time // time of record 0; zero: the time of making
	Step      time.Duration
	Size      int // mean size of a message, bytes
	Spread    Spread
	Signed    float64 // shares of all records, 0 to 1
	Corrupt   float64
	Oversized float64
	Signer    heka.Signer
}

// Source makes records. What costs time to make, texts and encoded fields, it
// holds in store; a record is put together from these and what is its own: uuid,
// time, number. It may be used by several goroutines; nothing in it changes.
type Source struct {
	Recipe
	prefix []byte // of every payload, up to the number
	shapes []shape
	text   []byte // log lines on end
	lines  []int  // where in text they begin; oversizedText bytes or more follow each
}

const (
	minSize       = 200                           // the smallest message that holds all header variables and fields
	oversizedText = heka.DefaultMaxMessage + 1000 // bytes of payload in an oversized record
	numberDigits  = 12
	shapes        = 1024
	textSize      = 1 << 20 // much more than a compressor's window

	headerRoom = heka.FramingSize + heka.MaxHeader
)

// The tags of the parts of a message that a record has to itself, see message.proto.
const (
	tagUUID      = 1<<3 | 2
	tagTimestamp = 2 << 3
	tagPayload   = 6<<3 | 2
)

// NewSource makes a source and its store.
func NewSource(recipe Recipe) *Source {
	s := &Source{Recipe: recipe, shapes: make([]shape, shapes)}
	s.prefix = []byte(s.Run() + " n ")
	r := rand.New(rand.NewPCG(s.Seed, math.MaxUint64))
	for i := range s.shapes {
		s.shapes[i] = newShape(r)
	}
	for len(s.text) < textSize {
		s.lines = append(s.lines, len(s.text))
		s.text = append(appendLine(s.text, r), ' ')
	}
	s.text = append(s.text, s.text[:oversizedText]...)
	return s
}

// Run is the word that every payload of this source holds, and no other source's.
func (s *Source) Run() string {
	return fmt.Sprintf("lg%08x", uint32(s.Seed^s.Seed>>32))
}

// Kind tells what record n is.
func (s *Source) Kind(n uint64) Kind {
	d := s.dice(n)
	return s.kind(&d)
}

func (s *Source) kind(d *dice) Kind {
	switch x := d.float(); {
	case x < s.Corrupt:
		return Corrupt
	case x < s.Corrupt+s.Oversized:
		return Oversized
	default:
		return Good
	}
}

// AppendFrame appends record n to dst as a frame, or as garbage where the record
// is a corrupt one of that sort, and tells its kind. now is its time, in
// nanoseconds since 1970, unless the recipe has a start.
func (s *Source) AppendFrame(dst []byte, n uint64, now int64) ([]byte, Kind) {
	d := s.dice(n)
	kind, signed := s.kind(&d), d.float() < s.Signed
	switch {
	case kind == Oversized:
		return heka.AppendFrame(dst, s.oversized(&d, n)), kind
	case kind == Corrupt && n%2 == 0:
		return append(s.appendText(dst, &d, 40), '\n'), kind // no record separator in it
	}
	// The message is made behind the room its header may take, and moves up
	// to the header that it then has.
	at := len(dst)
	dst = slices.Grow(dst, headerRoom+s.Size)[:at+headerRoom]
	body := s.appendMessage(dst, &d, n, now)[at+headerRoom:]
	dst = dst[:at]
	if kind == Corrupt {
		body[0] = 0x07 // wire type 7 does not exist
	}
	if signed {
		return heka.AppendSignedFrame(dst, body, s.Signer), kind
	}
	return heka.AppendFrame(dst, body), kind
}

// appendMessage appends the body of record n, of the size that the spread gives.
func (s *Source) appendMessage(dst []byte, d *dice, n uint64, now int64) []byte {
	end := len(dst) + s.size(d)
	if !s.Start.IsZero() {
		now = s.Start.Add(time.Duration(n) * s.Step).UnixNano()
	}
	shape := &s.shapes[d.below(len(s.shapes))]
	dst = d.appendUUID(append(dst, tagUUID, 16))
	dst = binary.AppendUvarint(append(dst, tagTimestamp), uint64(now))
	dst = append(dst, shape.before...)
	room := end - len(dst) - len(shape.after)
	payload := max(room-payloadOverhead(room), len(s.prefix)+numberDigits)
	dst = binary.AppendUvarint(append(dst, tagPayload), uint64(payload))
	dst = s.appendPayload(dst, d, n, payload)
	return append(dst, shape.after...)
}

// payloadOverhead is the size of tag and length before a payload that takes
// room bytes with them.
func payloadOverhead(room int) int {
	switch {
	case room < 0x80+2:
		return 2
	case room < 0x4000+3:
		return 3
	default:
		return 4
	}
}

// appendPayload appends run, number and a text of the given size in all, which
// is at least that of run and number.
func (s *Source) appendPayload(dst []byte, d *dice, n uint64, size int) []byte {
	text := size - len(s.prefix) - numberDigits
	dst = append(dst, s.prefix...)
	var number [numberDigits]byte
	for i := range number {
		number[len(number)-1-i] = '0' + byte(n%10)
		n /= 10
	}
	dst = append(dst, number[:]...)
	if text == 0 {
		return dst
	}
	return s.appendText(append(dst, ' '), d, text-1)
}

// appendText appends size bytes of log lines, printable ASCII.
func (s *Source) appendText(dst []byte, d *dice, size int) []byte {
	line := s.lines[d.below(len(s.lines))]
	return append(dst, s.text[line:line+size]...)
}

// oversized is a message whose bytes hold no record separator, so that a
// receiver that scans it for frames finds none.
func (s *Source) oversized(d *dice, n uint64) []byte {
	draft := heka.Draft{Hostname: "web-1", Payload: string(s.appendPayload(nil, d, n, oversizedText))}
	return draft.Append(nil)
}

func (s *Source) size(d *dice) int {
	size := float64(s.Size)
	switch s.Spread {
	case Uniform:
		size *= 0.5 + d.float()
	case LogNormal:
		size *= math.Exp(d.normal() - 0.5)
	}
	return min(max(int(size), minSize), heka.DefaultMaxMessage)
}

// number reads the record's number out of a payload of this run.
func (s *Source) number(payload []byte) (n uint64, ok bool) {
	digits, ok := bytes.CutPrefix(payload, s.prefix)
	if !ok || len(digits) < numberDigits {
		return 0, false
	}
	for _, digit := range digits[:numberDigits] {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n = n*10 + uint64(digit-'0')
	}
	return n, true
}
