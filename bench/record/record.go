// Package record makes the records that benchmarks send, and recognises them
// again wherever they arrive, whatever has encoded them meanwhile.
//
// The payload of each record is a mark, a filler and an end:
//
//	~lm:RRRRRRRRCCCCSSSSSSSSNNNNNNNNNNNNNNNNLLLL~filler~SSSSSSSS~
//
// in hex digits: run, connection, sequence, time of sending (unix ns), length of
// the filler; and the sequence once more. Nothing in it needs escaping in JSON
// or syslog, so that who counts records need not decode them, and a record of
// which one byte differs is noticed.
package record

import "bytes"

// The geometry of a payload, bytes.
const (
	begin     = "~lm:"
	offRun    = len(begin)
	offConn   = offRun + 8
	offSeq    = offConn + 4
	offTime   = offSeq + 8
	offFiller = offTime + 16
	markLen   = offFiller + 4 + 1
	endLen    = 1 + 8 + 1
	overhead  = markLen + endLen
	maxFiller = 0xffff
)

// MaxConnections is how many connections of a run a mark can tell apart.
const MaxConnections = 1 << 16

// Mark is what a record says about itself.
type Mark struct {
	Run    uint32
	Conn   uint16
	Seq    uint32
	Nanos  int64 // when it was sent, unix ns
	Intact bool  // filler and end are as they were sent
}

var words = []byte("GET path=api.v1.orders status=200 bytes=5123 upstream=10.0.3.17 user-agent=curl-8.5 duration=0.0132 request " +
	"cache=MISS region=eu-central-1 session retry=0 container=web-7f9c ok ")

// filler is the text that every record has the beginning of.
var filler = bytes.Repeat(words, maxFiller/len(words)+1)[:maxFiller]

const digits = "0123456789abcdef"

// putHex writes v to all of dst, the last digits when there are more.
func putHex(dst []byte, v uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = digits[v&15]
		v >>= 4
	}
}

// values is what each hex digit stands for, and 0xff for all other bytes.
var values = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for v, digit := range []byte(digits) {
		t[digit] = byte(v)
	}
	return t
}()

// hex reads all of b.
func hex(b []byte) (v uint64, ok bool) {
	var bad byte
	for _, c := range b {
		x := values[c]
		bad |= x
		v = v<<4 | uint64(x&15)
	}
	return v, bad < 16
}

// appendPayload appends the payload of a record of a run with a filler of n bytes.
func appendPayload(dst []byte, run uint32, n int) []byte {
	dst = append(dst, begin...)
	at := len(dst)
	dst = append(dst, make([]byte, offFiller+4-offRun)...)
	for i := range dst[at:] {
		dst[at+i] = '0'
	}
	putHex(dst[at:at+8], uint64(run))
	putHex(dst[len(dst)-4:], uint64(n))
	dst = append(dst, '~')
	dst = append(dst, filler[:n]...)
	return append(dst, "~00000000~"...)
}

// Scan appends the marks found in text to marks. One that is damaged itself has
// run 0. Scan never allocates when marks has room.
func Scan(text []byte, marks []Mark) []Mark {
	for {
		i := bytes.Index(text, []byte(begin))
		if i < 0 {
			return marks
		}
		text = text[i:]
		m, n := read(text)
		marks = append(marks, m)
		text = text[n:]
	}
}

// read returns the mark that text begins with, and how many bytes it takes with
// its filler; of a damaged one only its beginning.
func read(text []byte) (m Mark, n int) {
	if len(text) < markLen || text[markLen-1] != '~' {
		return m, len(begin)
	}
	run, ok1 := hex(text[offRun:offConn])
	conn, ok2 := hex(text[offConn:offSeq])
	seq, ok3 := hex(text[offSeq:offTime])
	nanos, ok4 := hex(text[offTime:offFiller])
	size, ok5 := hex(text[offFiller : offFiller+4])
	if !(ok1 && ok2 && ok3 && ok4 && ok5) {
		return m, len(begin)
	}
	m = Mark{Run: uint32(run), Conn: uint16(conn), Seq: uint32(seq), Nanos: int64(nanos)}
	whole := overhead + int(size)
	if len(text) < whole {
		return m, len(begin)
	}
	end := text[whole-endLen : whole]
	m.Intact = end[0] == '~' && end[endLen-1] == '~' && bytes.Equal(end[1:endLen-1], text[offSeq:offTime]) &&
		bytes.Equal(text[markLen:whole-endLen], filler[:size])
	if !m.Intact {
		return m, len(begin)
	}
	return m, whole
}
