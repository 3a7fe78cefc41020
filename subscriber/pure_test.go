package subscriber

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lagermeister/heka/recordid"
	"lagermeister/sink"
)

func TestBatchIsFullByCountOrBytesAndDueByAge(t *testing.T) {
	t.Parallel()
	var b batch
	opened := time.Unix(1, 0)
	b.open(opened)
	l := limits{records: 2, bytes: 1000, age: time.Second}
	id := func(c string) string { return strings.Repeat(c, recordid.Size) }
	add := func(id, doc string) {
		head := append(b.buf, "head "...)
		b.add(append(b.ids, id...), append(head, doc...), len(head), sink.Record{}, item{index: len(b.items)})
	}
	if b.full(l) {
		t.Error("an empty batch is full")
	}
	add(id("1"), "d1")
	if b.full(l) {
		t.Error("full with one record")
	}
	add(id("2"), "d2")
	bytes := 2 * (recordid.Size + 2)
	if !b.full(l) || !b.full(limits{records: 9, bytes: bytes}) || b.full(limits{records: 9, bytes: bytes + 1}) {
		t.Error("full is not decided by count, or by the bytes of ids and documents")
	}
	if due := b.due(l); !due.Equal(opened.Add(time.Second)) {
		t.Errorf("due at %v", due)
	}
	if r := b.seal(false).records[0]; r.Line != nil {
		t.Errorf("line %q for a sink that has none", r.Line)
	}
	p := b.seal(true)
	for i, want := range []string{id("1") + "d1head d1\n", id("2") + "d2head d2\n"} {
		if r := p.records[i]; string(r.ID)+string(r.Doc)+string(r.Line) != want {
			t.Errorf("record %d is %q, %q, %q", i, r.ID, r.Doc, r.Line)
		}
	}
	kept := p.keep(func(i int) bool { return i == 1 })
	if kept.len() != 1 || string(kept.records[0].ID) != id("2") || kept.items[0].index != 1 {
		t.Errorf("kept %d records, first %q", kept.len(), kept.records[0].ID)
	}
	if one, other := kept.halves(); one.len() != 1 || other.len() != 0 {
		t.Errorf("halves of one: %d and %d", one.len(), other.len())
	}
}

func TestRefusalsForOneReasonAreCountedOverTheLastThousand(t *testing.T) {
	t.Parallel()
	r := newRefusals(0.5)
	for range 500 {
		r.add("mapper_parsing_exception")
		r.add("")
	}
	if reason, n := r.tooMany(); reason != "" {
		t.Errorf("%d of 1000 are not more than half: %s", n, reason)
	}
	r.add("mapper_parsing_exception") // in the place of a refusal
	r.add("mapper_parsing_exception") // in the place of a delivery
	if reason, n := r.tooMany(); reason != "mapper_parsing_exception" || n != 501 {
		t.Errorf("got %q, %d; want 501 of one reason", reason, n)
	}
	r.forget()
	for i := range remembered {
		r.add(fmt.Sprint("reason ", i%3))
	}
	if reason, _ := r.tooMany(); reason != "" {
		t.Errorf("a third each is too many for %q", reason)
	}
}

func TestIndexNamesAreLimitedByTheHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n names
		take := func(from, to int) (taken int) {
			for i := from; i < to; i++ {
				if _, ok := n.intern(fmt.Appendf(nil, "index-%d", i)); ok {
					taken++
				}
			}
			return taken
		}
		if got := take(0, 100); got != newNames {
			t.Errorf("%d new names in an hour, want %d", got, newNames)
		}
		if got := take(0, newNames); got != newNames {
			t.Errorf("%d known names are still known, want all", got)
		}
		time.Sleep(time.Hour)
		if got := take(100, 200); got != newNames {
			t.Errorf("%d new names an hour later, want %d", got, newNames)
		}
	})
}

func TestGroupNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ durable, qgroup, want string }{
		{"", "", "http_subscriber"},
		{"d", "", "d"},
		{"", "q", "q"},
		{"d.1", "q 2", "d_1_q_2"},
	} {
		cfg := Config{Program: "http_subscriber", Durable: c.durable, QGroup: c.qgroup}
		if got := cfg.Group(); got != c.want {
			t.Errorf("DURABLE=%q QGROUP=%q: group %q, want %q", c.durable, c.qgroup, got, c.want)
		}
	}
}

func TestEverySettingIsChecked(t *testing.T) {
	t.Parallel()
	good := testConfig()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Config){
		`DURABLE="true": expected a name, not a switch`:       func(c *Config) { c.Durable = "true" },
		"BATCH_SIZE=0: expected at least 1":                   func(c *Config) { c.BatchSize = 0 },
		"BATCH_TIMEOUT=0s: expected more than 0":              func(c *Config) { c.BatchTimeout = 0 },
		"BATCH_BYTES=0: expected at least 1":                  func(c *Config) { c.BatchBytes = 0 },
		"INFLIGHT_BYTES=0: expected at least 1":               func(c *Config) { c.Inflight = 0 },
		"MAX_REFUSED=1.5: expected more than 0 and at most 1": func(c *Config) { c.MaxRefused = 1.5 },
		"DRAIN_TIMEOUT=-1s: expected 0 or more":               func(c *Config) { c.DrainTimeout = -time.Second },
	} {
		c := testConfig()
		spoil(&c)
		if err := c.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	c := testConfig()
	c.MatchSpec = "Type == "
	if c.Validate() == nil {
		t.Error("a match spec with an error is accepted")
	}
}

func TestFullJitterStaysBelowItsBound(t *testing.T) {
	t.Parallel()
	d := &deliverer{pace: pace{retryMin: time.Second, retryMax: 30 * time.Second}}
	for attempt, most := range []time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 3: 8 * time.Second, 30: 30 * time.Second} {
		if attempt == 0 || most == 0 {
			continue
		}
		var waits []time.Duration
		for range 200 {
			waits = append(waits, d.backoff(attempt))
		}
		if slices.Max(waits) > most || slices.Max(waits) == slices.Min(waits) {
			t.Errorf("attempt %d: waits from %v to %v, want up to %v", attempt, slices.Min(waits), slices.Max(waits), most)
		}
	}
}

func TestRefusalsShareAReason(t *testing.T) {
	t.Parallel()
	if got := refusal(sink.Result{Type: "mapper_parsing_exception", Status: 400}); got != "mapper_parsing_exception" {
		t.Error(got)
	}
	if got := refusal(sink.Result{Status: 413}); got != "status 413" {
		t.Error(got)
	}
}
