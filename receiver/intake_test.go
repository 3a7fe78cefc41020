package receiver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lagermeister/heka"
)

// stream is one of the vectors printed by Heka: clean, damaged or random bytes.
type stream struct {
	ID         string
	File       string
	MaxMessage int `json:"max_message_size"`
}

const vectors = "../heka/testdata"

func streams(t *testing.T) (list []stream) {
	t.Helper()
	file, err := os.Open(filepath.Join(vectors, "streams.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for d := json.NewDecoder(file); ; {
		var s stream
		if err := d.Decode(&s); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if s.MaxMessage <= maxMessageSize {
			list = append(list, s)
		}
	}
	if len(list) < 60 {
		t.Fatalf("%d streams, expected more than 60", len(list))
	}
	return list
}

// read returns the stream, and the frames in it that a receiver keeps, as
// heka.Reader finds them.
func (s stream) read(t *testing.T) (content []byte, kept [][]byte) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(vectors, s.File))
	if err != nil {
		t.Fatal(err)
	}
	var m heka.Message
	for r := heka.NewReader(bytes.NewReader(content), s.MaxMessage); ; {
		f, err := r.Next()
		if err != nil {
			return content, kept
		}
		if m.Parse(f.Body) == nil && m.Validate() == nil {
			kept = append(kept, bytes.Clone(f.Raw))
		}
	}
}

// feed gives b to sift in pieces of n bytes, as a connection would, and appends.
func feed(t testing.TB, in *intake, b []byte, n int) {
	t.Helper()
	var held []byte
	for len(b) > 0 {
		n := min(n, len(b))
		held = append(held, b[:n]...)
		b = b[n:]
		kept, tally, rest, want := in.sift(held)
		if tally.kept > 0 {
			if err := in.store(context.Background(), kept, int(tally.kept), nil); err != nil {
				t.Fatal(err)
			}
		}
		if want <= len(rest) || want > heka.MaxFrame(in.maxMessage) {
			t.Fatalf("wants %d bytes and holds %d", want, len(rest))
		}
		held = append(held[:0], rest...)
	}
	if len(held) > 0 {
		in.refuse(truncated)
	}
}

func TestSiftKeepsTheSameFramesWhateverThePieces(t *testing.T) {
	t.Parallel()
	for _, s := range streams(t) {
		content, want := s.read(t)
		for _, n := range []int{1, 7, 1460, 65536} {
			pub := &fakePublisher{}
			in := testIntake(t, pub, func(c *IntakeConfig) { c.MaxMessageSize = s.MaxMessage })
			feed(t, in, content, n)
			sameFrames(t, fmt.Sprintf("%s in pieces of %d", s.ID, n), pub.got(), want)
			checkBalance(t, in.metrics)
		}
	}
}

func sameFrames(t testing.TB, what string, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d frames appended, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("%s: frame %d is %.40x, want %.40x", what, i, got[i], want[i])
			return
		}
	}
}

func TestSiftCountsEachRefusal(t *testing.T) {
	t.Parallel()
	noHostname := heka.AppendFrame(nil, (&heka.Draft{Payload: "x"}).Append(nil))
	noContent := heka.AppendFrame(nil, (&heka.Draft{Hostname: "h"}).Append(nil))
	undecoded := heka.AppendFrame(nil, []byte{0xff, 0xff})
	large := heka.AppendFrame(nil, message(strings.Repeat("x", 70_000)))
	good := frame("good")

	cases := []struct {
		name    string
		between []byte
		refused [reasons]uint64
		garbage uint64
	}{
		{"nothing", nil, [reasons]uint64{}, 0},
		{"garbage", []byte("\n\x1f\x1e\x00garbage"), [reasons]uint64{}, 11},
		{"no hostname", noHostname, [reasons]uint64{hostname: 1}, 0},
		{"no payload and no field", noContent, [reasons]uint64{empty: 1}, 0},
		{"not a message", undecoded, [reasons]uint64{undecodable: 1}, 0},
		{"too large", large, [reasons]uint64{oversized: 1}, uint64(len(large))},
		{"all of them", bytes.Join([][]byte{noHostname, []byte("?"), noContent, undecoded}, nil), [reasons]uint64{hostname: 1, empty: 1, undecodable: 1}, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pub := &fakePublisher{}
			in := testIntake(t, pub)
			feed(t, in, bytes.Join([][]byte{good, c.between, good}, nil), 65536)
			sameFrames(t, "around it", pub.got(), [][]byte{good, good})
			for r := range reasons {
				if got := in.refused[r].Load(); got != c.refused[r] {
					t.Errorf("refused{%v} is %d, want %d", r, got, c.refused[r])
				}
			}
			if got := in.garbage.Load(); got != c.garbage {
				t.Errorf("%d bytes of garbage, want %d", got, c.garbage)
			}
			checkBalance(t, in.metrics)
		})
	}
}

func TestSiftAppendsWhatTheMatchSpecKeepsInOneCall(t *testing.T) {
	t.Parallel()
	pub := &fakePublisher{}
	in := testIntake(t, pub, func(c *IntakeConfig) { c.MatchSpec = `Payload == "keep"` })
	feed(t, in, bytes.Join([][]byte{frame("keep"), frame("drop"), frame("drop"), frame("keep"), frame("drop"), frame("keep")}, nil), 65536)
	sameFrames(t, "matching", pub.got(), [][]byte{frame("keep"), frame("keep"), frame("keep")})
	if pub.calls != 1 || in.filtered.Load() != 3 {
		t.Errorf("%d calls of Append and %d filtered, want 1 and 3", pub.calls, in.filtered.Load())
	}
	checkBalance(t, in.metrics)
}

func TestSignaturePolicies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "signers")
	if err := os.WriteFile(path, []byte("ops_0 secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	signed := func(name, key string) []byte {
		return heka.AppendSignedFrame(nil, message("signed"), heka.Signer{Name: name, Key: []byte(key), Hash: heka.SHA1})
	}
	anyone := func(*IntakeConfig) {}
	known := func(c *IntakeConfig) { c.SignersFile = path }
	only := func(c *IntakeConfig) { c.SignersFile, c.RequireSignature = path, true }

	cases := []struct {
		name   string
		policy func(*IntakeConfig)
		frame  []byte
		want   string // reason of the refusal, "" for kept
	}{
		{"no signers file: good", anyone, signed("ops", "secret"), ""},
		{"no signers file: bad", anyone, signed("ops", "wrong"), ""},
		{"no signers file: unsigned", anyone, frame("x"), ""},
		{"signers file: good", known, signed("ops", "secret"), ""},
		{"signers file: bad", known, signed("ops", "wrong"), "signature"},
		{"signers file: unknown", known, signed("eve", "secret"), "signature"},
		{"signers file: unsigned", known, frame("x"), ""},
		{"required: good", only, signed("ops", "secret"), ""},
		{"required: bad", only, signed("ops", "wrong"), "signature"},
		{"required: unsigned", only, frame("x"), "unsigned"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := testIntake(t, &fakePublisher{}, c.policy)
			_, _, _, no := in.siftAll(bytes.Clone(c.frame))
			got := ""
			if no != nil {
				got = no.why.String()
			}
			if got != c.want {
				t.Errorf("refused for %q, want %q", got, c.want)
			}
		})
	}
}

func TestPublisherWithSmallBlocksLowersTheMessageLimit(t *testing.T) {
	t.Parallel()
	in := testIntake(t, &fakePublisher{maxMessage: 1000})
	feed(t, in, append(frame(strings.Repeat("x", 1000)), frame("small")...), 65536)
	if in.refused[oversized].Load() != 1 || in.stored.Load() != 1 {
		t.Errorf("%d refused as oversized and %d stored, want one each", in.refused[oversized].Load(), in.stored.Load())
	}
}

func TestRecordsNeverStoredAreRefusedAsUnavailable(t *testing.T) {
	t.Parallel()
	in := testIntake(t, &fakePublisher{full: make(chan struct{})})
	kept, tally, _, _ := in.sift(frame("x"))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := in.store(ended, kept, int(tally.kept), nil); err == nil {
		t.Fatal("a publisher that takes nothing is no error")
	}
	if n := in.refused[unavailable].Load(); n != 1 {
		t.Errorf("refused{unavailable} is %d, want 1", n)
	}
	checkBalance(t, in.metrics)
}

// Whatever the bytes: nothing panics, every record is counted once, the frames
// that are appended are the same for any pieces, and a request is taken as a
// whole or not at all.
func FuzzIntake(f *testing.F) {
	f.Add(frame("x"), uint8(3))
	f.Add(append([]byte("garbage\x1e\xff"), frame("x")...), uint8(1))
	f.Add(bytes.Repeat([]byte{heka.RecordSeparator}, 600), uint8(7))
	f.Add(frame("drop"), uint8(200))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		filter := func(c *IntakeConfig) { c.MatchSpec = `Payload != "drop"` }
		var appended [2][][]byte
		for i, n := range []int{len(b) + 1, int(piece) + 1} {
			pub := &fakePublisher{}
			in := testIntake(t, pub, filter)
			feed(t, in, b, n)
			checkBalance(t, in.metrics)
			appended[i] = pub.got()
		}
		sameFrames(t, "in pieces", appended[1], appended[0])

		in := testIntake(t, &fakePublisher{}, filter)
		kept, records, filtered, no := in.siftAll(bytes.Clone(b))
		checkBalance(t, in.metrics)
		switch {
		case no != nil && (records > 0 || filtered > 0 || in.inFlight.Load() > 0):
			t.Errorf("refused (%v) and yet %d records kept, %d filtered", no.err, records, filtered)
		case no == nil && len(split(kept)) != records:
			t.Errorf("%d frames kept, told as %d", len(split(kept)), records)
		case no == nil:
			sameFrames(t, "as a request", split(kept), appended[0])
		case no.offset < 0 || no.offset > len(b):
			t.Errorf("offset %d in %d bytes", no.offset, len(b))
		}
	})
}
