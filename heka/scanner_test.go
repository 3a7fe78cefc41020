package heka_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"lagermeister/heka"
)

// bodyOf returns a message of n bytes: for 6 and more a valid one of hostname
// and payload, for fewer the first bytes of it.
func bodyOf(n int) []byte {
	if n < 6 {
		return bodyOf(6)[:n]
	}
	for host := "h"; ; host += "h" { // some lengths need a second byte here
		b := append([]byte{9<<3 | 2, byte(len(host))}, host...)
		for payload := n - len(b) - 2; payload >= n-len(b)-4; payload-- {
			if b := binary.AppendUvarint(append(b, 6<<3|2), uint64(payload)); len(b)+payload == n {
				for len(b) < n {
					b = append(b, byte(len(b))) // separators included
				}
				return b
			}
		}
	}
}

// The original lost bodies of 31 bytes, of 3968 to 4095, and from 10,234 on.
func TestEveryBodyLengthArrives(t *testing.T) {
	t.Parallel()
	const longest = 11_000
	var stream []byte
	for n := range longest + 1 {
		stream = heka.AppendFrame(stream, bodyOf(n))
	}
	var s heka.Scanner
	var m heka.Message
	for n := range longest + 1 {
		f, end, _ := s.Next(stream)
		if len(f.Body) != n || !bytes.Equal(f.Body, bodyOf(n)) || end != len(f.Raw) {
			t.Fatalf("body of %d bytes: got %d bytes, frame ends at %d", n, len(f.Body), end)
		}
		stream = stream[end:]
		if n < 6 {
			continue
		}
		if err := m.Parse(f.Body); err != nil {
			t.Fatalf("body of %d bytes: %v", n, err)
		}
		if err := m.Validate(); err != nil {
			t.Fatalf("body of %d bytes: %v", n, err)
		}
	}
	if len(stream) != 0 || s.Skipped+s.BadHeaders+s.Oversized != 0 {
		t.Errorf("%d bytes left, counted %+v", len(stream), s)
	}
}

func TestScannerWaitsForWhatItNeeds(t *testing.T) {
	t.Parallel()
	plain := heka.AppendFrame(nil, make([]byte, 300)) // 1e 03 08 ac 02 1f
	signed := heka.AppendSignedFrame(nil, []byte("body"), ops)
	for _, c := range []struct {
		name    string
		in      []byte
		n, want int
	}{
		{"nothing", nil, 0, 3},
		{"garbage", []byte("abc"), 3, 3},
		{"separator", []byte("\x1e"), 0, 3},
		{"garbage and separator", []byte("ab\x1e"), 2, 3},
		{"length of the header", plain[:2], 0, 3},
		{"half of the header", plain[:4], 0, 6},
		{"header but the unit separator", plain[:5], 0, 6},
		{"header", plain[:6], 0, 306},
		{"all but one byte", plain[:305], 0, 306},
		{"signed header", signed[:len(signed)-4], 0, len(signed)},
		{"false header that announces 255 bytes", []byte("\x1e\xff good \x1e\x02\x08\x00\x1f"), 0, 258},
		{"rejected header, then a separator", []byte("\x1e\x00x\x1e"), 3, 3},
	} {
		var s heka.Scanner
		for range 3 { // asking again counts nothing again
			f, n, want := s.Next(c.in)
			if f.Raw != nil || n != c.n || want != c.want {
				t.Errorf("%s: frame of %d bytes, n %d, want %d; expected n %d, want %d", c.name, len(f.Raw), n, want, c.n, c.want)
			}
			c.in = c.in[n:]
			c.n = 0
		}
		if rejected := uint64(bytes.Count([]byte(c.name), []byte("rejected"))); s.BadHeaders != rejected {
			t.Errorf("%s: %d bad headers, want %d", c.name, s.BadHeaders, rejected)
		}
	}
}

func TestScannerResynchronisesOneByteOn(t *testing.T) {
	t.Parallel()
	good := heka.AppendFrame(nil, []byte("good"))
	huge := heka.AppendFrame(nil, make([]byte, heka.DefaultMaxMessage+1))
	largest := heka.AppendFrame(nil, make([]byte, heka.DefaultMaxMessage))
	for _, c := range []struct {
		name    string
		in      []byte
		bodies  string // their lengths
		counted heka.Scanner
	}{
		{"the largest body", largest, "[65536]", heka.Scanner{}},
		{"one byte more", append(huge[:len(huge):len(huge)], good...), "[4]",
			heka.Scanner{Skipped: uint64(len(huge)), Oversized: 1}},
		{"a frame inside an oversized one is delivered", append(append(huge[:7:7], good...), good...), "[4 4]",
			heka.Scanner{Skipped: 7, Oversized: 1}},
		{"length of 2^32+4 reads as 4", append(unhex(t, "1e 06 08 84 80 80 80 10 1f"), "goodgood"...), "[4]",
			heka.Scanner{Skipped: 4}},
		{"length of 2^32-1", append(unhex(t, "1e 06 08 ff ff ff ff 0f 1f"), good...), "[4]",
			heka.Scanner{Skipped: 9, Oversized: 1}},
		{"length needlessly long", append(unhex(t, "1e 05 08 84 80 80 00 1f"), "good"...), "[4]", heka.Scanner{}},
		{"length twice, the last counts", append(unhex(t, "1e 04 08 01 08 04 1f"), "good"...), "[4]", heka.Scanner{}},
		{"no length", append(unhex(t, "1e 00 1f"), good...), "[0 4]", heka.Scanner{}},
		{"only an unknown field", append(unhex(t, "1e 02 78 01 1f"), good...), "[0 4]", heka.Scanner{}},
		{"broken before the length", append(unhex(t, "1e 03 0c 08 04 1f"), good...), "[4]",
			heka.Scanner{Skipped: 6, BadHeaders: 1}},
		{"broken behind the length", append(unhex(t, "1e 03 08 04 0c 1f"), "good"...), "[4]", heka.Scanner{}},
		{"negative length of the signer before the length (s059)", append(unhex(t, "1e 0d 22 ff ff ff ff ff ff ff ff ff 01 08 04 1f"), good...), "[4]",
			heka.Scanner{Skipped: 16, BadHeaders: 1}},
		{"negative length of the signer behind the length (s059)", append(unhex(t, "1e 0d 08 04 22 ff ff ff ff ff ff ff ff ff 01 1f"), "good"...), "[4]", heka.Scanner{}},
		{"length of the wrong wire type", append(unhex(t, "1e 05 0d 04 00 00 00 1f"), good...), "[4]",
			heka.Scanner{Skipped: 8, BadHeaders: 1}},
		{"wrong byte behind the header", append(unhex(t, "1e 02 08 04 1e"), good[1:]...), "[4]",
			heka.Scanner{Skipped: 4, BadHeaders: 1}},
		{"70,000 separators", append(bytes.Repeat([]byte{heka.RecordSeparator}, 70_000), bytes.Repeat(heka.AppendFrame(nil, []byte("good!")), 4)...), "[5 5 5 5]",
			heka.Scanner{Skipped: 70_000, BadHeaders: 70_000}},
		{"a header of 255 bytes", append(frame(append(unhex(t, "0804 7a fa01"), make([]byte, 250)...), []byte("good")), good...), "[4 4]", heka.Scanner{}},
	} {
		var s heka.Scanner
		rejects := 0
		s.OnReject = func(at int, err error) {
			rejects++
			if !errors.Is(err, heka.ErrTooLarge) && !errors.Is(err, heka.ErrHeader) {
				t.Errorf("%s: rejected at %d: %v", c.name, at, err)
			}
		}
		var bodies []int
		for in := c.in; ; {
			f, n, _ := s.Next(in)
			if f.Raw == nil {
				break
			}
			bodies = append(bodies, len(f.Body))
			in = in[n:]
		}
		if got := fmt.Sprint(bodies); got != c.bodies {
			t.Errorf("%s: bodies of %s bytes, want %s", c.name, got, c.bodies)
		}
		if s.Skipped != c.counted.Skipped || s.Oversized != c.counted.Oversized || s.BadHeaders != c.counted.BadHeaders {
			t.Errorf("%s: skipped %d, oversized %d, bad headers %d; want %d, %d, %d", c.name,
				s.Skipped, s.Oversized, s.BadHeaders, c.counted.Skipped, c.counted.Oversized, c.counted.BadHeaders)
		}
		if uint64(rejects) != s.Oversized+s.BadHeaders {
			t.Errorf("%s: %d rejects told, %d counted", c.name, rejects, s.Oversized+s.BadHeaders)
		}
	}
}

// A frame is a view that ends at its own end, so that appending to a part of it
// cannot write into the next frame.
func TestFramePartsCannotGrowIntoEachOther(t *testing.T) {
	t.Parallel()
	in := heka.AppendFrame(heka.AppendFrame(nil, []byte("one")), []byte("two"))
	want := bytes.Clone(in)
	var s heka.Scanner
	f, _, _ := s.Next(in)
	_, _, _ = append(f.Raw, 'x'), append(f.Header, 'x'), append(f.Body, 'x')
	if !bytes.Equal(in, want) {
		t.Errorf("stream is %x, was %x", in, want)
	}
}

func TestAppendFrameGrowsItsHeaderWithTheLength(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		0:       "1e 02 08 00 1f",
		127:     "1e 02 08 7f 1f",
		128:     "1e 03 08 80 01 1f",
		16383:   "1e 03 08 ff 7f 1f",
		16384:   "1e 04 08 80 80 01 1f",
		65536:   "1e 04 08 80 80 04 1f",
		1 << 21: "1e 05 08 80 80 80 01 1f",
	} {
		got := heka.AppendFrame(nil, make([]byte, n))
		header := unhex(t, want)
		if len(got) != len(header)+n || !bytes.HasPrefix(got, header) {
			t.Errorf("%d bytes: frame of %d bytes begins %x, want %x", n, len(got), got[:9], header)
		}
	}
}
