package searchstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
	"unicode"

	"lagermeister/heka"
	"lagermeister/search"
)

func TestPagesVisitEachRecordOnceInOrder(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	const blocks, each = 6, 50
	want := map[string]bool{}
	for block := range blocks {
		b := newBulk(uint64(block + 1))
		for n := range each { // few times, many records of each, over three indices
			b.drafts(fmt.Sprint("logs-", n%3), draft(block*each+n, int64(n%4)*1000))
		}
		post(t, s.Handler(), b.buf.Bytes())
		for _, id := range b.ids {
			want[id] = true
		}
	}
	// The very same record in two indices is two records.
	twice := newBulk(1).drafts("logs-a", draft(9999, 2000)).drafts("logs-b", draft(9999, 2000))
	post(t, s.Handler(), twice.buf.Bytes())
	for _, r := range []search.Request{
		{Limit: 1}, {Limit: 7}, {Limit: 1000}, {Limit: 7, Spec: spec(t, "Severity >= 0")}, {Limit: 7, Text: []string{"record"}},
		{Limit: 9, Spec: spec(t, "Pid < 1000 && Timestamp <= 3000")},
	} {
		records, last := pages(t, s, r)
		if len(records) != len(want)+2 || last.Total != int64(len(records)) || last.TotalIs != search.Exact {
			t.Errorf("%+v: %d records, total %d (%s)", r, len(records), last.Total, last.TotalIs)
		}
		seen := map[string]bool{}
		for i, record := range records {
			key := record.ID + record.Index
			if seen[key] {
				t.Errorf("%+v: %s comes twice", r, key)
			}
			seen[key] = true
			if i > 0 && record.Time.After(records[i-1].Time) {
				t.Errorf("%+v: record %d is newer than the one before", r, i)
			}
		}
	}
}

func TestTimesNarrowSearchAndTotal(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	b := newBulk(1)
	for n := range 100 {
		b.drafts(fmt.Sprint("logs-", n/40), draft(n, int64(n)))
	}
	b.drafts("odd", draft(1000, -5), draft(1001, 1<<62))
	post(t, s.Handler(), b.buf.Bytes())
	at := func(ns int64) time.Time { return time.Unix(0, ns) }
	for _, c := range []struct {
		from, to time.Time
		want     int64
	}{
		{time.Time{}, time.Time{}, 102},
		{at(10), at(20), 10}, {at(0), at(100), 100}, {at(39), at(41), 2}, {at(99), time.Time{}, 2}, {time.Time{}, at(1), 2},
		{at(50), at(50), 0}, {at(60), at(50), 0}, {time.Time{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 102},
		{time.Date(-300, 1, 1, 0, 0, 0, 0, time.UTC), at(0), 1},
	} {
		records, last := pages(t, s, search.Request{From: c.from, To: c.to, Limit: 13})
		if int64(len(records)) != c.want || last.Total != c.want || last.TotalIs != search.Exact {
			t.Errorf("%v to %v: %d records, total %d, want %d", c.from, c.to, len(records), last.Total, c.want)
		}
		again, _ := pages(t, s, search.Request{From: c.from, To: c.to, Limit: 13, Spec: spec(t, "Type != 'x'"), Text: []string{"timed"}})
		if int64(len(again)) != c.want {
			t.Errorf("%v to %v with words: %d records, want %d", c.from, c.to, len(again), c.want)
		}
	}
}

// Whatever SQL narrows by, the answer is that of the matcher alone.
func TestNarrowingLeavesNothingOut(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	bodies := oddMessages()
	b := newBulk(1)
	for _, body := range bodies {
		b.add("logs", body)
	}
	if got := post(t, s.Handler(), b.buf.Bytes()); count(got, 201) != len(bodies) {
		t.Fatalf("stored %v", got)
	}
	f, _ := s.file("logs")
	if names, zero := f.values.list(varHostname); len(names) != 2 || !zero {
		t.Errorf("dictionary of host names: %q, longer ones: %v", names, zero)
	}
	for _, text := range []string{
		`TRUE`, `FALSE`, `Severity == 7`, `Severity < 3`, `Type == ""`, `Type != "a"`, `Logger =~ /^l/`, `Logger !~ /^l/`, `Hostname > "h"`,
		`EnvVersion == "1" || Pid == 3`, `Pid == 0`, `Pid != 0`, `Pid > 2.5`, `Pid >= 1 && Type == "a"`, `Timestamp == 0`, `Timestamp > 0`, `Timestamp != 0`,
		`Timestamp == 1373989745000000001`, `Timestamp >= 1373989745000000000 && Timestamp <= 1373989745000000000`, `Timestamp < 1`, `Timestamp > 1e300`,
		`Payload == "Ärger im Büro"`, `Payload =~ / im B/`, `Payload == ""`, `Payload =~ /x/ || Type == "b"`, `Fields[x] == NIL`, `Fields[x] == 5 && Severity <= 7`,
		`(Type == "a" && Pid == 1) || (Type == "b" && Pid == 2)`, `Type == "a" && FALSE`, `FALSE || Type =~ /b/ || (Pid <= 1 && TRUE)`, `Uuid == ""`, `Uuid != ""`,
		`Hostname =~ /^long/`, `Timestamp < 100 || Pid == 1`,
	} {
		want := 0
		for _, body := range bodies {
			var m heka.Message
			if err := m.Parse(body); err != nil {
				t.Fatal(err)
			}
			if spec(t, text).Match(&m) {
				want++
			}
		}
		records, last := pages(t, s, search.Request{Spec: spec(t, text), Limit: 3})
		if len(records) != want || last.TotalIs != search.Exact {
			t.Errorf("%s: %d records, want %d (total is %s)", text, len(records), want, last.TotalIs)
		}
	}
	for word, want := range map[string]int{"ärger": 1, "büro": 1, "ÄRGER": 0, "arger": 0, "straße": 1, "k": 2, "日本": 0, "日本語": 1, "x_y": 0, "x": 3, "zz": 0} {
		records, _ := pages(t, s, search.Request{Text: []string{word}})
		if len(records) != want {
			t.Errorf("word %s: %d records, want %d", word, len(records), want)
		}
	}
}

// oddMessages returns messages with absent, empty, long and strange values.
func oddMessages() (bodies [][]byte) {
	long := make([]byte, 600)
	for i := range long {
		long[i] = 'g'
	}
	payloads := []string{"Ärger im Büro", "Straße\x00K 12", "日本語 x_y", "a\xffb x", "300 k", "Test Payload-Test Payload"}
	for n := range 60 {
		d := heka.Draft{
			Timestamp: []int64{0, 1, 99, 1373989745000000000, 1373989745000000001, -7, 1 << 62}[n%7], Type: []string{"", "a", "b"}[n%3],
			Logger: []string{"l1", "m"}[n%2], Severity: int32(n%9 - 1), Pid: int32(n%5 - 1), Hostname: []string{"h", "i", "long" + string(long)}[n%13%3],
			EnvVersion: []string{"", "1"}[n/2%2],
			Fields:     []heka.DraftField{{Name: "n", Type: heka.IntegerType, Integers: []int64{int64(n)}}},
		}
		if n < len(payloads) {
			d.Payload = payloads[n]
		}
		if n%4 == 0 {
			d.UUID = fmt.Appendf(nil, "uuid %011d", n)
		}
		if n%6 == 0 {
			d.Fields = append(d.Fields, heka.DraftField{Name: "x", Type: heka.IntegerType, Integers: []int64{5}})
		}
		bodies = append(bodies, d.Append(nil))
	}
	// Headers absent altogether, in several mixtures.
	for _, body := range []string{"\x4a\x01h\x32\x01x", "\x4a\x01h\x32\x00", "\x4a\x01h\x32\x01y\x1a\x01a", "\x4a\x01h\x32\x01y\x40\x01", "\x4a\x01h\x32\x01y\x10\x05", "\x4a\x01h\x32\x01y\x28\x02"} {
		bodies = append(bodies, []byte(body))
	}
	return bodies
}

// A search must not stand still when nothing matches for a long while.
func TestMilestonesLeadThroughWhatDoesNotMatch(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	b := newBulk(1)
	for n := range 2000 {
		d := draft(n, int64(n))
		d.Type = "noise"
		if n%1000 == 0 {
			d.Type = "signal"
		}
		b.drafts("logs", d)
	}
	post(t, s.Handler(), b.buf.Bytes())
	f, _ := s.file("logs")
	q, _ := narrow(t.Context(), &search.Request{Spec: spec(t, `Type == "signal"`)}, &f.values)
	r := &reader{file: f, query: q, behind: place{1 << 60, lastHash, lastHash}, window: 100}
	var signals, milestones int
	for range 100 {
		if err := r.read(context.Background(), 10); err != nil {
			t.Fatal(err)
		}
		if r.ended && len(r.found) == 0 {
			break
		}
		for len(r.found) > 0 {
			if c := r.take(); c.frame == nil {
				milestones++
			} else {
				signals++
			}
		}
	}
	if signals != 2 || milestones < 15 || !r.ended {
		t.Errorf("%d signals, %d milestones, ended: %v", signals, milestones, r.ended)
	}
}

func TestForeignCursorIsTheAskersFault(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	post(t, s.Handler(), newBulk(1).drafts("logs", draft(1, day)).buf.Bytes())
	for _, cursor := range []string{"x", "MCB4", "MCAxIDIgMw"} {
		_, err := s.Search(context.Background(), search.Request{Cursor: cursor})
		var wrong *search.ParameterError
		if !errors.As(err, &wrong) || wrong.Parameter != "cursor" {
			if cursor != "MCAxIDIgMw" { // "1 2 3" is a place, though no record's
				t.Errorf("%s: %v", cursor, err)
			}
		}
	}
}

// The index must take for the same whatever the search takes for the same.
func TestFoldingIsAtLeastAsCoarseAsTheSearch(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !inWord(r) {
			continue
		}
		if low := unicode.ToLower(r); fold(r) != fold(low) {
			t.Errorf("%q and %q differ", r, low)
		}
		if !inWord(fold(r)) {
			t.Errorf("%q folds to %q, which is in no word", r, fold(r))
		}
	}
}

func TestQueriesUseTheirIndex(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	post(t, s.Handler(), newBulk(1).drafts("logs", draft(1, day)).buf.Bytes())
	f, _ := s.file("logs")
	for query, want := range map[string]string{
		"SELECT frame FROM record INDEXED BY by_time WHERE (time, hash) < (5, x'') AND time >= 3 AND type IN (SELECT value FROM json_each('[1]')) ORDER BY time DESC, hash DESC LIMIT 5": "SEARCH record USING INDEX by_time (time>? AND (time,hash)<(?,?))",
		"SELECT count(*) FROM record INDEXED BY by_time WHERE time BETWEEN 3 AND 5":                                                                                                      "SEARCH record USING COVERING INDEX by_time (time>? AND time<?)",
	} {
		rows, err := f.read.Query("EXPLAIN QUERY PLAN " + query)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		rows.Close()
		if !slices.Contains(plan, want) {
			t.Errorf("%s\nplan: %q", query, plan)
		}
		for _, step := range plan {
			if step == "USE TEMP B-TREE FOR ORDER BY" {
				t.Errorf("%s sorts", query)
			}
		}
	}
}
