package recordid_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"testing"

	"github.com/minio/highwayhash"

	"lagermeister/heka"
	"lagermeister/heka/recordid"
)

// parsed returns a message; an empty uuid is left out.
func parsed(t testing.TB, uuid string, timestamp int64, payload string) *heka.Message {
	t.Helper()
	d := heka.Draft{Timestamp: timestamp, Payload: payload, Hostname: "h"}
	if uuid != "" {
		d.UUID = []byte(uuid)
	}
	var m heka.Message
	if err := m.Parse(d.Append(nil)); err != nil {
		t.Fatal(err)
	}
	return &m
}

func id(m *heka.Message, origin string, index int) string {
	var h recordid.Hasher
	return string(h.Append(nil, m, origin, index))
}

const uuid = "0123456789abcdef"

// These ids are in documents out there: a change here is a change of every id.
func TestIDsNeverChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		m      *heka.Message
		origin string
		index  int
		want   string
	}{
		{"with uuid", parsed(t, uuid, 1416840893123456789, "p"), "run-7", 3, "0149e24c52c3a68f301358cf50b58a469b5ccd1430f9"},
		{"without uuid", parsed(t, "", 1416840893123456789, "p"), "run-7", 3, "0149e24c52c328c7b00be0c427913c92d292730bcd80"},
		{"uuid of 15 bytes", parsed(t, uuid[:15], 0, ""), "", 0, "0000000000009fc7d5ca693f14ddd295367947a3e70e"},
	} {
		if got := id(c.m, c.origin, c.index); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestIDIsTimeAndHashOfTheContent(t *testing.T) {
	t.Parallel()
	key := []byte("lagermeister.record.identity.v01")
	m := parsed(t, uuid, 1416840893123456789, "p")
	sum := highwayhash.Sum128(m.Body, key)
	if got, want := id(m, "any", 9), fmt.Sprintf("%012x", 1416840893123)+hex.EncodeToString(sum[:]); got != want {
		t.Errorf("with uuid: %s, want %s", got, want)
	}

	m = parsed(t, "", -1, "p")
	sum = highwayhash.Sum128(append([]byte("block-1\x00\x00\x01\x02\x03"), m.Body...), key)
	if got, want := id(m, "block-1", 0x010203), "000000000000"+hex.EncodeToString(sum[:]); got != want {
		t.Errorf("without uuid: %s, want %s", got, want)
	}
}

func TestIDTimeFitsItsDigits(t *testing.T) {
	t.Parallel()
	for ts, want := range map[int64]string{
		math.MinInt64: "000000000000", -1: "000000000000", 0: "000000000000", 999_999: "000000000000",
		1_000_000: "000000000001", math.MaxInt64: "08637bd05af6",
	} {
		got := id(parsed(t, uuid, ts, "p"), "", 0)
		if len(got) != recordid.Size || got[:12] != want {
			t.Errorf("timestamp %d: %s, want %s...", ts, got, want)
		}
	}
	var absent heka.Message
	if err := absent.Parse(nil); err != nil {
		t.Fatal(err)
	}
	if got := id(&absent, "", 0); got[:12] != "000000000000" {
		t.Errorf("no timestamp: %s", got)
	}
}

func TestIDTellsRecordsApart(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, uuid := range []string{"", uuid, uuid[:15]} {
		for _, payload := range []string{"a", "b"} {
			for _, origin := range []string{"x", "y"} {
				for index := range 3 {
					name := fmt.Sprint(uuid, payload, origin, index)
					if len(uuid) == heka.UUIDSize {
						name = uuid + payload // the same wherever it comes from
					}
					got := id(parsed(t, uuid, 5, payload), origin, index)
					if other, ok := seen[got]; ok && other != name {
						t.Errorf("%q and %q are both %s", name, other, got)
					}
					seen[got] = name
				}
			}
		}
	}
	if len(seen) != 2+2*2*2*3 {
		t.Errorf("%d ids", len(seen))
	}
}

func TestHasherAppendsAndIsReusable(t *testing.T) {
	t.Parallel()
	a, b := parsed(t, uuid, 1, "a"), parsed(t, "", 2, "b")
	var h recordid.Hasher
	for range 2 {
		got := h.Append(h.Append([]byte("x"), a, "o", 1), b, "o", 2)
		if want := "x" + id(a, "o", 1) + id(b, "o", 2); string(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Not parallel: it counts what the process allocates.
func TestAppendDoesNotAllocate(t *testing.T) {
	m := parsed(t, "", 2, "b")
	var h recordid.Hasher
	dst := make([]byte, 0, recordid.Size)
	if n := testing.AllocsPerRun(1000, func() { h.Append(dst, m, "some origin", 2) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name, uuid string
		payload    int
	}{{"300B", uuid, 250}, {"300B/without-uuid", "", 270}, {"3kB", uuid, 2950}} {
		b.Run(c.name, func(b *testing.B) {
			m := parsed(b, c.uuid, 1, string(bytes.Repeat([]byte("x"), c.payload)))
			var h recordid.Hasher
			dst := make([]byte, 0, recordid.Size)
			b.SetBytes(int64(len(m.Body)))
			b.ReportAllocs()
			for b.Loop() {
				h.Append(dst, m, "6b3e0a2f-17", 12)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
