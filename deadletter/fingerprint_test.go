package deadletter

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"lagermeister/sink"
)

func TestPatternsKeepWhatIsTheSameAndDropWhatDiffers(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"", ""},
		{"not a complete frame", "not a complete frame"},
		{"failed to parse field [heka.size] of type [long] in document with id '018f3c2a'. Preview of field's value: 'it's big'",
			"failed to parse field [heka.size] of type [long] in document with id '…'. Preview of field's value: '…'"},
		{`For input string: "12 apples"`, `For input string: "…"`},
		{"the request of 20971521 bytes is over the limit of 1.048.576 by -3.5e7", "the request of # bytes is over the limit of # by -#e#"},
		{"document 0000018bcfe5680042aa00ff has no field field7", "document # has no field field#"},
		{"id 3f2c1a2b-4d5e-4f60-8a1b-0c2d3e4f5a6b is unknown", "id # is unknown"},
		{"index lagermeister-2026.11.20 at 10.0.3.7:9200", "index lagermeister-# at #:#"},
		{"value 'cut off by a limi…", "value '…'"},
		{"Größe 7 überschritten", "Größe # überschritten"},
		{"byte 4182: field 7, wire type 3", "byte #: field #, wire type #"},
	} {
		if got := Pattern(c[0]); got != c[1] {
			t.Errorf("Pattern(%q)\n got %q\nwant %q", c[0], got, c[1])
		}
	}
	a, b := Fingerprint("t", "value 1"), Fingerprint("t", "value 22")
	if a != b || a == Fingerprint("u", "value 1") || a == Fingerprint("t", "values 1") || len(a) != fingerprintLength {
		t.Errorf("fingerprints %s and %s", a, b)
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("failed to parse [a.b] 'x' 12.5 of 3f2c1a2b-4d5e")
	f.Add("'' \" ` #1 1# a#b 1.2,3 \xff")
	f.Fuzz(func(t *testing.T, reason string) {
		reason = sink.Words([]byte(reason))
		got := Pattern(reason)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "0123456789") {
			t.Fatalf("Pattern(%q) = %q", reason, got)
		}
		if again := Pattern(got); again != got && len(got) < sink.MaxWords {
			t.Fatalf("Pattern(%q) = %q, whose pattern is %q", reason, got, again)
		}
		Fingerprint("type", reason)
	})
}

func FuzzParse(f *testing.F) {
	f.Add("lm.dead.main.group.99.7.3", "Lm-Attempts", "2", []byte("frame"))
	f.Add("lm.dead.main.group.99.7.3", "Lm-First", "2026-11-20T12:00:00Z", []byte{0x1e})
	f.Fuzz(func(t *testing.T, subject, name, value string, data []byte) {
		l, err := Parse(subject, nats.Header{name: {value}}, data)
		if err != nil {
			return
		}
		msg := l.Msg()
		again, err := Parse(msg.Subject, msg.Header, msg.Data)
		if err != nil || again.Position() != l.Position() || again.Attempts != l.Attempts || again.Group != l.Group {
			t.Fatalf("%+v, then %+v: %v", l, again, err)
		}
		e := Entry{Letter: l}
		if _, err := json.Marshal(e.Line()); err != nil {
			t.Fatalf("%+v: %v", l, err)
		}
	})
}
