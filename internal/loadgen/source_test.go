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
		return NewSource(Recipe{Seed: 7, Start: time.Unix(1700000000, 0), Step: time.Millisecond, Size: 300, Spread: LogNormal, Corrupt: 0.1, Oversized: 0.05})
	}
	one, other := source(), source()
	for n := range uint64(500) {
		a, _ := one.AppendFrame(nil, n, 0)
		b, _ := other.AppendFrame(nil, n, 1)
		if !bytes.Equal(a, b) {
			t.Fatalf("record %d differs", n)
		}
	}
}

func TestFixedSizeIsExact(t *testing.T) {
	t.Parallel()
	for _, size := range []int{minSize, 250, 300, 321, 322, 323, 400, 1000, 3000, 16500, 20000, heka.DefaultMaxMessage} {
		source := NewSource(Recipe{Seed: 3, Start: time.Unix(1700000000, 0), Size: size})
		for n := range uint64(50) {
			frame, _ := source.AppendFrame(nil, n, 0)
			var s heka.Scanner
			s.MaxMessage = heka.DefaultMaxMessage
			f, _, _ := s.Next(frame)
			if len(f.Body) < size-1 || len(f.Body) > size {
				t.Fatalf("size %d, record %d: body of %d bytes", size, n, len(f.Body))
			}
		}
	}
}

func TestEachRecordHasItsOwnUUIDTimeAndNumber(t *testing.T) {
	t.Parallel()
	for _, spread := range []Spread{Fixed, Uniform, LogNormal} {
		source := NewSource(Recipe{Seed: 3, Size: 400, Spread: spread})
		uuids := map[string]bool{}
		var frames []byte
		const records, now = 10000, 1700000000000000000
		for n := range uint64(records) {
			frames, _ = source.AppendFrame(frames, n, now+int64(n))
		}
		reader := heka.NewReader(bytes.NewReader(frames), heka.DefaultMaxMessage)
		var m heka.Message
		for n := range uint64(records) {
			f, err := reader.Next()
			if err != nil {
				t.Fatalf("record %d: %v", n, err)
			}
			if err := m.Parse(f.Body); err != nil {
				t.Fatalf("record %d: %v", n, err)
			}
			if err := m.Validate(); err != nil {
				t.Fatalf("record %d: %v", n, err)
			}
			if got, ok := source.number(m.Payload); got != n || !ok || m.Timestamp != now+int64(n) {
				t.Fatalf("record %d: number %d, %t, time %d", n, got, ok, m.Timestamp)
			}
			if m.UUID[6]>>4 != 4 || m.UUID[8]>>6 != 2 {
				t.Fatalf("record %d: %x is no version 4 UUID", n, m.UUID)
			}
			if m.NumFields() != 2 || len(m.Type) == 0 || len(m.Logger) == 0 || len(m.Hostname) == 0 || m.Pid == 0 || string(m.EnvVersion) != "1" {
				t.Fatalf("record %d lacks something: %+v", n, m)
			}
			uuids[string(m.UUID)] = true
		}
		if len(uuids) != records || reader.Skipped() > 0 {
			t.Errorf("%d uuids of %d records, %d bytes skipped", len(uuids), records, reader.Skipped())
		}
	}
}

func TestAFrameAllocatesNothing(t *testing.T) {
	source := NewSource(Recipe{Seed: 3, Size: 300})
	frames, n := make([]byte, 0, 4096), uint64(0)
	if per := testing.AllocsPerRun(1000, func() { frames, _ = source.AppendFrame(frames[:0], n, 0); n++ }); per > 0 {
		t.Errorf("%.2f allocations a record", per)
	}
}

func TestDamagedAndOversizedRecordsCostNoNeighbour(t *testing.T) {
	t.Parallel()
	signer := heka.Signer{Name: "ops", Version: 1, Key: []byte("key")}
	source := NewSource(Recipe{Seed: 11, Start: time.Unix(1700000000, 0), Size: 300, Corrupt: 0.3, Oversized: 0.02, Signed: 0.3, Signer: signer})
	signers := heka.Signers{"ops_1": signer.Key}
	var stream []byte
	good := 0
	for n := range uint64(1000) {
		var kind Kind
		stream, kind = source.AppendFrame(stream, n, 0)
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
	source := NewSource(Recipe{Seed: 7, Start: time.Unix(1700000000, 0), Size: 300})
	var frames []byte
	for i := 0; b.Loop(); i++ {
		frames, _ = source.AppendFrame(frames[:0], uint64(i), 0)
	}
	b.SetBytes(300)
	b.ReportAllocs()
}
