package heka

import (
	"bytes"
	"testing"
)

// small is the body of a message with that payload.
func small(payload string) []byte {
	return (&Draft{Hostname: "host.example.com", Payload: payload}).Append(nil)
}

func collect(stored []byte) (list []Stored) {
	for i, s := range Records(stored) {
		if i != len(list) {
			panic("index out of step")
		}
		list = append(list, s)
	}
	return list
}

func TestEveryStoredMessageIsCutIntoRecords(t *testing.T) {
	t.Parallel()
	a, b := AppendFrame(nil, small("a")), AppendFrame(nil, small("b"))
	bare := small("bare")
	type want struct {
		raw   []byte
		whole bool
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, c := range map[string]struct {
		message []byte
		want    []want
	}{
		"frames":                     {join(a, b), []want{{a, true}, {b, true}}},
		"a bare message":             {bare, []want{{bare, true}}},
		"an empty message":           {nil, []want{{nil, false}}},
		"garbage between frames":     {join(a, []byte("junk"), b), []want{{a, true}, {[]byte("junk"), false}, {b, true}}},
		"garbage behind":             {join(a, []byte("junk")), []want{{a, true}, {[]byte("junk"), false}}},
		"a frame cut short":          {a[:len(a)-1], []want{{a[:len(a)-1], false}}},
		"a false header in front":    {join([]byte{0x1E}, a), []want{{[]byte{0x1E}, false}, {a, true}}},
		"a length beyond the block":  {join([]byte{0x1E, 3, 8, 0xFF, 0x7F, 0x1F}, a), []want{{[]byte{0x1E, 3, 8, 0xFF, 0x7F, 0x1F}, false}, {a, true}}},
		"an empty body in a frame":   {join([]byte{0x1E, 0, 0x1F}, a), []want{{[]byte{0x1E, 0, 0x1F}, true}, {a, true}}},
		"a separator and no more":    {[]byte{0x1E}, []want{{[]byte{0x1E}, false}}},
		"what is neither of the two": {[]byte("junk"), []want{{[]byte("junk"), true}}}, // told by decoding
	} {
		got := collect(c.message)
		if len(got) != len(c.want) {
			t.Errorf("%s: %d records, want %d", name, len(got), len(c.want))
			continue
		}
		for i, p := range got {
			if !bytes.Equal(p.Raw, c.want[i].raw) || (p.Body != nil) != c.want[i].whole {
				t.Errorf("%s: record %d is %q (whole %v), want %q (%v)", name, i, p.Raw, p.Body != nil, c.want[i].raw, c.want[i].whole)
			}
		}
	}
}

// Whatever is stored, its records cover every byte exactly once, in order; there
// is at least one; and a frame is found again on its own.
func FuzzRecords(f *testing.F) {
	a, b := AppendFrame(nil, small("a")), AppendFrame(nil, small("b"))
	for _, seed := range [][]byte{nil, a, append(a, b...), append([]byte("x"), a...), append(append(a, 0x1E, 0xFF), b...), small("bare")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		list := collect(stored)
		if len(list) == 0 {
			t.Fatal("no record at all")
		}
		at := 0
		for i, p := range list {
			if !bytes.HasPrefix(stored[at:], p.Raw) || (len(p.Raw) == 0 && len(stored) > 0) {
				t.Fatalf("record %d of %d does not stand at byte %d", i, len(list), at)
			}
			at += len(p.Raw)
			if p.Body != nil && p.Raw[0] == RecordSeparator {
				if again := collect(p.Raw); len(again) != 1 || again[0].Body == nil {
					t.Fatalf("record %d is no frame on its own: %q", i, p.Raw)
				}
			}
		}
		if at != len(stored) {
			t.Fatalf("records cover %d of %d bytes", at, len(stored))
		}
	})
}
