package subscriber

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"lagermeister/heka"
	"lagermeister/heka/hekapb"
)

// message is the body of a small valid message with that payload.
func message(t testing.TB, payload string) []byte {
	t.Helper()
	body, err := proto.Marshal(&hekapb.Message{
		Uuid:      fixedUUID(payload),
		Timestamp: proto.Int64(1_700_000_000_000_000_000),
		Type:      proto.String("test"),
		Hostname:  proto.String("host.example.com"),
		Payload:   proto.String(payload),
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// fixedUUID is 16 bytes that depend on s only.
func fixedUUID(s string) []byte {
	id := make([]byte, 16)
	for i := range s {
		id[i%16] = id[i%16]*31 + s[i]
	}
	return id
}

func frame(t testing.TB, payload string) []byte { return heka.AppendFrame(nil, message(t, payload)) }

func pieces(message []byte) (list []piece) {
	var w walker
	w.reset(message)
	for {
		p, ok := w.next()
		if !ok {
			return list
		}
		list = append(list, p)
	}
}

func TestEveryStoredMessageIsCutIntoRecords(t *testing.T) {
	t.Parallel()
	a, b := frame(t, "a"), frame(t, "b")
	bare := message(t, "bare")
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
		got := pieces(c.message)
		if len(got) != len(c.want) {
			t.Errorf("%s: %d records, want %d", name, len(got), len(c.want))
			continue
		}
		for i, p := range got {
			if !bytes.Equal(p.raw, c.want[i].raw) || p.whole != c.want[i].whole {
				t.Errorf("%s: record %d is %q (whole %v), want %q (%v)", name, i, p.raw, p.whole, c.want[i].raw, c.want[i].whole)
			}
		}
	}
}

// Whatever is stored, its records cover every byte exactly once, in order; there
// is at least one; and a frame is found again on its own.
func FuzzWalk(f *testing.F) {
	a, b := frame(f, "a"), frame(f, "b")
	for _, seed := range [][]byte{nil, a, append(a, b...), append([]byte("x"), a...), append(append(a, 0x1E, 0xFF), b...), message(f, "bare")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		list := pieces(stored)
		if len(list) == 0 {
			t.Fatal("no record at all")
		}
		at := 0
		for i, p := range list {
			if !bytes.HasPrefix(stored[at:], p.raw) || (len(p.raw) == 0 && len(stored) > 0) {
				t.Fatalf("record %d of %d does not stand at byte %d", i, len(list), at)
			}
			at += len(p.raw)
			if p.whole && p.raw[0] == heka.RecordSeparator {
				if again := pieces(p.raw); len(again) != 1 || !again[0].whole {
					t.Fatalf("record %d is no frame on its own: %q", i, p.raw)
				}
			}
		}
		if at != len(stored) {
			t.Fatalf("records cover %d of %d bytes", at, len(stored))
		}
	})
}
