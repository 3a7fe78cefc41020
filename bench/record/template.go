package record

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"lagermeister/heka"
)

// Template is an encoded record whose mark can be written over.
type Template struct {
	Bytes []byte
	mark  int // where the payload begins
	end   int // where the sequence stands once more
	uuid  int // where a Heka message has its uuid and its timestamp; -1: neither
	stamp int
}

const draftTime = 1 << 62 // encodes to as many bytes as every time between 1970 and 2262 after 2^56 ns (April 1972)

// Frame is a Heka frame around a message of exactly size bytes.
func Frame(run uint32, size int) (*Template, error) {
	t, err := Message(run, size)
	if err != nil {
		return nil, err
	}
	return t.in(heka.AppendFrame(nil, t.Bytes)), nil
}

// Message is a bare Heka message of exactly size bytes.
func Message(run uint32, size int) (*Template, error) {
	build := func(filler int) []byte {
		draft := heka.Draft{
			UUID: []byte("uuid-is-16-bytes"), Timestamp: draftTime, Type: "bench", Logger: "generator", Severity: 6,
			Payload: string(appendPayload(nil, run, filler)), Pid: 4242, Hostname: "bench-host",
		}
		return draft.Append(nil)
	}
	smallest := len(build(0))
	for n := max(size-smallest-8, 0); n <= min(size, maxFiller); n++ {
		if b := build(n); len(b) == size {
			t := &Template{Bytes: b}
			t.uuid = bytes.Index(b, []byte("uuid-is-16-bytes"))
			t.stamp = bytes.Index(b, binary.AppendUvarint(nil, draftTime))
			t.locate()
			return t, nil
		}
	}
	return nil, fmt.Errorf("no Heka message with a mark has %d bytes (the smallest has %d, and some sizes cannot be had)", size, smallest)
}

// Line is an RFC 5424 syslog line of exactly size bytes, its newline among them.
func Line(run uint32, size int) (*Template, error) {
	const head = "<134>1 2026-01-01T00:00:00.000000Z bench-host generator 4242 - - "
	n := size - len(head) - overhead - 1
	if n < 0 || n > maxFiller {
		return nil, fmt.Errorf("no syslog line with a mark has %d bytes (the smallest has %d)", size, size-n)
	}
	t := &Template{Bytes: append(appendPayload([]byte(head), run, n), '\n'), uuid: -1}
	t.locate()
	return t, nil
}

// Post is a whole HTTP request with body as its body.
func Post(body *Template, host, contentType string) *Template {
	head := fmt.Sprintf("POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", host, contentType, len(body.Bytes))
	return body.in(append([]byte(head), body.Bytes...))
}

// in is the template that whole is, which ends with t.
func (t *Template) in(whole []byte) *Template {
	moved := *t
	moved.Bytes = whole
	if t.uuid >= 0 {
		moved.uuid += len(whole) - len(t.Bytes)
		moved.stamp += len(whole) - len(t.Bytes)
	}
	moved.locate()
	return &moved
}

func (t *Template) locate() {
	t.mark = bytes.Index(t.Bytes, []byte(begin))
	size, _ := hex(t.Bytes[t.mark+offFiller : t.mark+offFiller+4])
	t.end = t.mark + markLen + int(size) + 1
}

// Repeat is n copies back to back, for Stamp.
func (t *Template) Repeat(n int) []byte { return bytes.Repeat(t.Bytes, n) }

// Stamp writes connection, sequence and time into the copy that copy begins
// with. It is all that is done for each record that is sent.
func (t *Template) Stamp(copy []byte, conn uint16, seq uint32, nanos int64) {
	m := copy[t.mark:]
	putHex(m[offConn:offSeq], uint64(conn))
	putHex(m[offSeq:offTime], uint64(seq))
	putHex(m[offTime:offFiller], uint64(nanos))
	putHex(copy[t.end:t.end+8], uint64(seq))
	if t.uuid < 0 {
		return
	}
	u := copy[t.uuid : t.uuid+16]
	binary.BigEndian.PutUint64(u, uint64(nanos))
	binary.BigEndian.PutUint32(u[8:], uint32(conn))
	binary.BigEndian.PutUint32(u[12:], seq)
	binary.PutUvarint(copy[t.stamp:t.stamp+9], uint64(nanos))
}
