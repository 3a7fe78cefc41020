package loadgen

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
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

// Source makes records. It may be used by several goroutines; nothing in it changes.
type Source struct {
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

const (
	minSize       = 200                           // the smallest message that holds all header variables and fields
	oversizedText = heka.DefaultMaxMessage + 1000 // bytes of payload in an oversized record
)

// Run is the word that every payload of this source holds, and no other source's.
func (s *Source) Run() string {
	return fmt.Sprintf("lg%08x", uint32(s.Seed^s.Seed>>32))
}

// random is the source of everything about record n.
func (s *Source) random(n uint64) *rand.Rand { return rand.New(rand.NewPCG(s.Seed, n)) }

// Kind tells what record n is.
func (s *Source) Kind(n uint64) Kind { return s.kind(s.random(n)) }

func (s *Source) kind(r *rand.Rand) Kind {
	switch x := r.Float64(); {
	case x < s.Corrupt:
		return Corrupt
	case x < s.Corrupt+s.Oversized:
		return Oversized
	default:
		return Good
	}
}

// AppendFrame appends record n to dst as a frame, or as garbage where the record
// is a corrupt one of that sort, and tells its kind.
func (s *Source) AppendFrame(dst []byte, n uint64) ([]byte, Kind) {
	r := s.random(n)
	kind := s.kind(r)
	signed := r.Float64() < s.Signed
	switch {
	case kind == Oversized:
		return heka.AppendFrame(dst, s.oversized(r, n)), kind
	case kind == Corrupt && n%2 == 0:
		return append(appendText(dst, r, 40), '\n'), kind // no record separator in it
	}
	body := s.appendMessage(make([]byte, 0, s.Size*2), r, n)
	if kind == Corrupt {
		body[0] = 0x07 // wire type 7 does not exist
	}
	if signed {
		return heka.AppendSignedFrame(dst, body, s.Signer), kind
	}
	return heka.AppendFrame(dst, body), kind
}

// appendMessage appends the body of record n, of the size that the spread gives.
func (s *Source) appendMessage(dst []byte, r *rand.Rand, n uint64) []byte {
	start := len(dst)
	size := s.size(r)
	draft := heka.Draft{
		UUID:       uuid(r),
		Timestamp:  s.time(n).UnixNano(),
		Type:       pick(r, types),
		Logger:     pick(r, loggers),
		Severity:   int32(r.IntN(8)),
		EnvVersion: "1",
		Pid:        int32(1000 + r.IntN(31000)),
		Hostname:   "web-" + strconv.Itoa(10+r.IntN(90)),
		Fields: []heka.DraftField{
			{Name: "status", Type: heka.IntegerType, Integers: []int64{statuses[r.IntN(len(statuses))]}},
			{Name: "duration", Type: heka.DoubleType, Representation: "ms", Doubles: []float64{math.Round(r.ExpFloat64()*50000) / 1000}},
		},
	}
	fixed := len(draft.Append(dst)) - start
	text := max(size-fixed-payloadOverhead(size-fixed), 0)
	draft.Payload = string(s.appendPayload(make([]byte, 0, text+64), r, n, text))
	return draft.Append(dst)
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

// appendPayload appends run, number and a text of the given size in all, but
// never cuts run and number.
func (s *Source) appendPayload(dst []byte, r *rand.Rand, n uint64, size int) []byte {
	start := len(dst)
	dst = fmt.Appendf(dst, "%s n %012d ", s.Run(), n)
	if rest := size - (len(dst) - start); rest > 0 {
		dst = appendText(dst, r, rest)
	}
	return dst
}

// oversized is a message whose bytes hold no record separator, so that a
// receiver that scans it for frames finds none.
func (s *Source) oversized(r *rand.Rand, n uint64) []byte {
	draft := heka.Draft{Hostname: "web-1", Payload: string(s.appendPayload(nil, r, n, oversizedText))}
	return draft.Append(nil)
}

func (s *Source) time(n uint64) time.Time {
	if s.Start.IsZero() {
		return time.Now()
	}
	return s.Start.Add(time.Duration(n) * s.Step)
}

func (s *Source) size(r *rand.Rand) int {
	size := float64(s.Size)
	switch s.Spread {
	case Uniform:
		size *= 0.5 + r.Float64()
	case LogNormal:
		size *= math.Exp(r.NormFloat64() - 0.5)
	}
	return min(max(int(size), minSize), heka.DefaultMaxMessage)
}

// uuid is a version 4 UUID.
func uuid(r *rand.Rand) []byte {
	id := binary.BigEndian.AppendUint64(make([]byte, 0, 16), r.Uint64())
	id = binary.BigEndian.AppendUint64(id, r.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}
