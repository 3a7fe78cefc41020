package loadgen

import (
	"bytes"
	"testing"
	"time"

	"lagermeister/heka"
)

func TestTheSameSeedAndStartTimeGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	source := func() *Source {
		return &Source{Seed: 7, Start: time.Unix(1700000000, 0), Step: time.Millisecond, Size: 300, Spread: LogNormal, Corrupt: 0.1, Oversized: 0.05}
	}
	for n := range uint64(500) {
		a, _ := source().AppendFrame(nil, n)
		b, _ := source().AppendFrame(nil, n)
		if !bytes.Equal(a, b) {
			t.Fatalf("record %d differs", n)
		}
	}
}

func TestFixedSizeIsExact(t *testing.T) {
	t.Parallel()
	for _, size := range []int{minSize, 250, 300, 321, 322, 323, 400, 1000, 3000, 16500, 20000, heka.DefaultMaxMessage} {
		source := &Source{Seed: 3, Start: time.Unix(1700000000, 0), Size: size}
		for n := range uint64(50) {
			frame, _ := source.AppendFrame(nil, n)
			var s heka.Scanner
			s.MaxMessage = heka.DefaultMaxMessage
			f, _, _ := s.Next(frame)
			if len(f.Body) < size-1 || len(f.Body) > size {
				t.Fatalf("size %d, record %d: body of %d bytes", size, n, len(f.Body))
			}
		}
	}
}

func TestDamagedAndOversizedRecordsCostNoNeighbour(t *testing.T) {
	t.Parallel()
	signer := heka.Signer{Name: "ops", Version: 1, Key: []byte("key")}
	source := &Source{Seed: 11, Start: time.Unix(1700000000, 0), Size: 300, Corrupt: 0.3, Oversized: 0.02, Signed: 0.3, Signer: signer}
	signers := heka.Signers{"ops_1": signer.Key}
	var stream []byte
	good := 0
	for n := range uint64(1000) {
		var kind Kind
		stream, kind = source.AppendFrame(stream, n)
		if kind == Good {
			good++
		}
		if kind != source.Kind(n) {
			t.Fatalf("record %d: kind differs", n)
		}
	}
	found, signed := 0, 0
	reader := heka.NewReader(bytes.NewReader(stream), heka.DefaultMaxMessage)
	var m heka.Message
	for {
		f, err := reader.Next()
		if err != nil {
			break
		}
		if m.Parse(f.Body) != nil {
			continue
		}
		if err := m.Validate(); err != nil {
			t.Fatal(err)
		}
		if _, err := signers.Verify(f); err != nil {
			t.Fatal(err)
		}
		if heka.Signed(f) {
			signed++
		}
		if n, ok := source.number(m.Payload); !ok || source.Kind(n) != Good {
			t.Fatalf("payload %q is number %d, %t", m.Payload, n, ok)
		}
		found++
	}
	if found != good || signed == 0 {
		t.Errorf("found %d records of %d, %d signed", found, good, signed)
	}
}

func BenchmarkAppendFrame(b *testing.B) {
	source := &Source{Seed: 7, Start: time.Unix(1700000000, 0), Size: 300}
	var frames []byte
	for i := 0; b.Loop(); i++ {
		frames, _ = source.AppendFrame(frames[:0], uint64(i))
	}
	b.SetBytes(300)
	b.ReportAllocs()
}
