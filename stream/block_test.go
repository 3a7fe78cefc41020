package stream

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
)

// hostile are values that a NATS client may write into any header.
var hostile = []string{"", " ", "-1", "+1", "0", "99999999999999999999", "-9223372036854775808", "9223372036854775807", "1e9", "0x10", "NaN",
	strings.Repeat("0", 1<<16) + "1", "\x1b[31m", "\xff\xfe", "ü", "a b", "a\u202eb", strings.Repeat("x", 1<<16), "../../etc", "lm.dead.>"}

func TestAnOriginIsVisibleTextOfBoundedLength(t *testing.T) {
	t.Parallel()
	for _, id := range append(hostile, "CB2MZ5J5QO6Y7V2NWZ3XQJ5R4E-17", "a/b", strings.Repeat("x", maxVisible)) {
		origin := Origin(id, "s", 5, 7)
		if !PlainOrigin(origin) || (origin != id && origin != "s/5/7") {
			t.Errorf("origin of %.40q is %q", id, origin)
		}
	}
	if got := Origin("run-1", "s", 5, 7); got != "run-1" {
		t.Errorf("origin %q", got)
	}
}

func TestACutIsNeitherBefore1970NorMoreThanADayAfterItWasStored(t *testing.T) {
	t.Parallel()
	stored := time.UnixMilli(1_700_000_000_123)
	for _, header := range append(hostile, strconv.FormatInt(stored.Add(newest+time.Second).UnixMilli(), 10)) {
		cut := CutTime(header, stored)
		if !cut.Equal(stored) && header != "+1" && !strings.HasSuffix(header, "01") {
			t.Errorf("cut of %.40q is %v", header, cut)
		}
	}
	for _, ago := range []time.Duration{-newest, 0, time.Second, 10 * 365 * 24 * time.Hour} {
		want := stored.Add(-ago)
		if got := CutTime(strconv.FormatInt(want.UnixMilli(), 10), stored); !got.Equal(want) {
			t.Errorf("cut %v before: %v", ago, got)
		}
	}
}

func TestABlockHasNoMoreRecordsThanBytes(t *testing.T) {
	t.Parallel()
	for _, header := range hostile {
		if n := RecordCount(header, 100); n > 1 {
			t.Errorf("%.40q: %d records", header, n)
		}
	}
	for n, want := range map[uint64]uint64{1: 1, 100: 100, 101: 0, math.MaxUint32: 0} {
		if got := RecordCount(strconv.FormatUint(n, 10), 100); got != want {
			t.Errorf("%d of 100 bytes: %d, want %d", n, got, want)
		}
	}
}

func TestASubjectThatDrawsOnTheTerminalIsNoDeadLetters(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"\x1b[31m", "", "g\u202e", strings.Repeat("g", maxVisible+1)} {
		if _, _, _, _, _, ok := ParseDeadSubject("lm.dead.s." + name + ".1.2.3"); ok {
			t.Errorf("group %.20q is taken", name)
		}
	}
	if _, group, _, _, _, ok := ParseDeadSubject("lm.dead.s.g.1.2.3"); !ok || group != "g" {
		t.Errorf("group %q, %v", group, ok)
	}
}
