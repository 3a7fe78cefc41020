package torture

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"lagermeister/heka"
)

// rig is an oracle to which records can be brought.
type rig struct{ *oracle }

func newRig() rig { return rig{newOracle(maker{seed: 5, start: time.Unix(1_700_000_000, 0)})} }

// doc is record n as a sink sees it, after change.
func (r rig) doc(n uint64, change func(map[string]any)) []byte {
	d := r.draft(n)
	doc := map[string]any{"message": d.Payload, "host.name": d.Hostname, "lm.position": "1.0"}
	if d.UUID != nil {
		doc["event.id"] = string(heka.AppendUUID(nil, d.UUID))
	}
	if change != nil {
		change(doc)
	}
	b, _ := json.Marshal(doc)
	return b
}

// bring takes records to both sinks, as they were sent.
func (r rig) bring(numbers ...uint64) {
	for _, n := range numbers {
		r.takeBulk("index", string(rune(n)), r.doc(n, nil))
		r.takeBatch(r.doc(n, nil))
	}
}

// wants holds a rig to the demands that it must find unmet, and no others.
func (r rig) wants(t *testing.T, unmet ...string) {
	t.Helper()
	_, wrong := r.judge()
	slices.Sort(unmet)
	if got := demands(wrong); !slices.Equal(got, unmet) {
		t.Errorf("unmet: %q, expected %q", got, unmet)
	}
}

// acknowledged are five records, with uuids, that are owed.
func (r rig) acknowledged() (first uint64) {
	first = r.take(5, true)
	r.add(first, 5, owed)
	return first
}

func TestWhatArrivesOnceAsItWasSentIsWell(t *testing.T) {
	t.Parallel()
	r := newRig()
	n := r.acknowledged()
	r.bring(n, n+1, n+2, n+3, n+4)
	r.wants(t)
}

func TestALostRecordIsMissedAtTheSinkThatLacksIt(t *testing.T) {
	t.Parallel()
	r := newRig()
	n := r.acknowledged()
	r.bring(n, n+1, n+2, n+3)
	r.wants(t, demandBulk, demandBatch)
	r.takeBulk("index", "x", r.doc(n+4, nil))
	r = newRig()
	n = r.acknowledged()
	r.bring(n, n+1, n+2, n+3)
	r.takeBulk("index", "x", r.doc(n+4, nil))
	r.wants(t, demandBatch)
}

func TestARecordThatComesAgainIsDoubleUnderAnotherIDOrIndexOnly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		index, id string
		created   bool
		unmet     []string
	}{
		"the same":      {"i", "1", false, nil},
		"another id":    {"i", "2", true, []string{demandOnce}},
		"another index": {"j", "1", true, []string{demandOnce}},
	} {
		r := newRig()
		n := r.take(1, false)
		r.takeBulk("i", "1", r.doc(n, nil))
		if created := r.takeBulk(c.index, c.id, r.doc(n, nil)); created != c.created {
			t.Errorf("%s: created %v", name, created)
		}
		r.wants(t, c.unmet...)
	}
}

func TestTheBatchSinkMayHaveARecordTwice(t *testing.T) {
	t.Parallel()
	r := newRig()
	n := r.acknowledged()
	r.bring(n, n+1, n+2, n+3, n+4)
	r.takeBatch(r.doc(n, nil))
	r.wants(t)
}

func TestADamagedRecordIsSeen(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]any){
		"payload": func(d map[string]any) { d["message"] = d["message"].(string) + " " },
		"cut":     func(d map[string]any) { d["message"] = d["message"].(string)[:len("torture00000005 n 000000000000")] },
		"host":    func(d map[string]any) { d["host.name"] = "other" },
		"uuid":    func(d map[string]any) { delete(d, "event.id") },
	} {
		r := newRig()
		n := r.take(1, true)
		r.takeBulk("i", "1", r.doc(n, change))
		if _, wrong := r.judge(); wrong[demandSame] == nil {
			t.Errorf("%s: not seen", name)
		}
	}
}

func TestWhatWasNeverSentOrMustBeRefusedMayNotArrive(t *testing.T) {
	t.Parallel()
	r := newRig()
	n := r.take(1, true)
	r.takeBulk("i", "1", r.doc(n+1, nil)) // not given out yet
	r.wants(t, demandSent)

	r = newRig()
	r.takeBatch([]byte(`{"Payload":"something else"}`))
	r.wants(t, demandSent)

	r = newRig()
	r.add(r.take(1, true), 1, refused)
	r.bring(n)
	r.wants(t, "what must be refused does not arrive")
}

func TestOnlyPoisonIsADeadLetterAndOnlyOnce(t *testing.T) {
	t.Parallel()
	r := newRig()
	for {
		n := r.take(1, false)
		if n > 10*poisonEvery {
			t.Fatal("no poison came")
		}
		if !poison(n) {
			continue
		}
		r.add(n, 1, owed)
		r.takeBatch(r.doc(n, nil))
		r.wants(t, demandDead)
		r.wrong = map[string]*complaint{}
		r.letter(r.draft(n).Payload, "lm.dead.x")
		r.wants(t)
		r.letter(r.draft(n).Payload, "lm.dead.y")
		r.wants(t, "no record is two dead letters")
		break
	}
	r = newRig()
	r.letter(r.draft(r.take(1, true)).Payload, "lm.dead.x")
	r.wants(t, "only poison becomes a dead letter")
}

func TestNumbersAreGivenOutOnceAndByKind(t *testing.T) {
	t.Parallel()
	r, seen := newRig(), map[uint64]bool{}
	for i := range uint64(1000) {
		count, withUUID := 1+i%chunk, i%3 > 0
		first := r.take(count, withUUID)
		for n := first; n < first+count; n++ {
			if seen[n] || repeatable(n) != withUUID || (len(r.draft(n).UUID) > 0) != withUUID {
				t.Fatalf("number %d, wanted with uuid: %v, given out before: %v", n, withUUID, seen[n])
			}
			seen[n] = true
		}
	}
}

func TestARecordIsAFunctionOfItsNumberAndReadsAsHeka(t *testing.T) {
	t.Parallel()
	r := newRig()
	for n := range uint64(3000) {
		var m heka.Message
		if err := m.Parse(r.message(nil, n)); err != nil || m.Validate() != nil {
			t.Fatalf("record %d: %v, %v", n, err, m.Validate())
		}
		if got, ok := r.number(string(m.Payload)); !ok || got != n || payloadOf(r.frame(nil, n)) != string(m.Payload) {
			t.Fatalf("record %d: payload %.60q reads as %d, %v", n, m.Payload, got, ok)
		}
		if len(m.Body) > heka.DefaultMaxMessage || strings.ToValidUTF8(string(m.Payload), "") != string(m.Payload) {
			t.Fatalf("record %d of %d bytes is larger than a receiver takes, or no text", n, len(m.Body))
		}
	}
}
