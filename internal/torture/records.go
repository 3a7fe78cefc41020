package torture

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"lagermeister/heka"
)

// Numbers are given out in chunks; all records of a chunk have a uuid or none
// has. Without one, a record's id rests on the block it was stored in.
const chunk = 64

// poisonEvery makes one record in so many poison for the bulk sink.
const poisonEvery = 2000

// maker makes records: record n is a pure function of the maker and n.
type maker struct {
	seed  uint64
	start time.Time // near the times of most records
}

func (m *maker) word() string { return fmt.Sprintf("torture%08x", uint32(m.seed^m.seed>>32)) }

// repeatable tells whether record n has a uuid, so that repeats of it collapse.
func repeatable(n uint64) bool { return n/chunk%4 != 0 }

// poison tells whether the bulk sink refuses record n for good.
func poison(n uint64) bool { return n%poisonEvery == poisonEvery/2 }

// draft is record n before it is encoded.
func (m *maker) draft(n uint64) heka.Draft {
	r := rand.New(rand.NewPCG(m.seed, n))
	d := heka.Draft{
		Timestamp: m.start.Add(time.Duration(n) * time.Millisecond).UnixNano(),
		Type:      "torture", Logger: "lager_ctl", Severity: int32(r.IntN(8)), Pid: 1 + int32(r.IntN(30000)),
		Hostname: "host-" + strconv.Itoa(r.IntN(50)),
		Payload:  m.payload(r, n),
		Fields:   []heka.DraftField{{Name: "number", Type: heka.IntegerType, Integers: []int64{int64(n)}}},
	}
	// Without a date of its own that is near, a record's index is named by the cut
	// of its block, and a client's repeat is in another block.
	if off := r.IntN(10); !repeatable(n) && off < 2 {
		d.Timestamp = int64(off) * m.start.Add(-400*24*time.Hour).UnixNano()
	}
	if repeatable(n) {
		d.UUID = make([]byte, heka.UUIDSize)
		for i := range d.UUID {
			d.UUID[i] = byte(r.Uint32())
		}
	}
	return d
}

// pieces are what payloads are made of: words, and what JSON must escape.
var pieces = []string{
	"GET /api/v1/orders", "timeout", "status=503", "user", "0x1f", `"`, `\`, "\n", "\t", "\x00", "\x1e\x02\x08\x05\x1f", "\x7f",
	"grüße", "日本", "🦫", "\u2028", "<&>", `{"a":1}`, "'", " ",
}

// payload begins with what number reads.
func (m *maker) payload(r *rand.Rand, n uint64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s n %012d", m.word(), n)
	words := 2 + r.IntN(40)
	if !poison(n) && r.IntN(200) == 0 {
		words *= 100
	}
	for range words {
		b.WriteByte(' ')
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// number reads the number out of a payload of this maker.
func (m *maker) number(payload string) (uint64, bool) {
	rest, ok := strings.CutPrefix(payload, m.word()+" n ")
	if !ok || len(rest) < 12 {
		return 0, false
	}
	n, err := strconv.ParseUint(rest[:12], 10, 64)
	return n, err == nil
}

// message appends the body of record n, frame the whole frame.
func (m *maker) message(dst []byte, n uint64) []byte {
	d := m.draft(n)
	return d.Append(dst)
}

func (m *maker) frame(dst []byte, n uint64) []byte {
	return heka.AppendFrame(dst, m.message(nil, n))
}

// differs says in what a document is not record n; empty when it is.
func (m *maker) differs(n uint64, payload, host, uuid string) string {
	d := m.draft(n)
	switch {
	case payload != d.Payload:
		return fmt.Sprintf("payload %.80q, sent %.80q", payload, d.Payload)
	case host != d.Hostname:
		return fmt.Sprintf("host name %q, sent %q", host, d.Hostname)
	case uuid != string(heka.AppendUUID(nil, d.UUID)):
		return fmt.Sprintf("uuid %q, sent %q", uuid, heka.AppendUUID(nil, d.UUID))
	}
	return ""
}
