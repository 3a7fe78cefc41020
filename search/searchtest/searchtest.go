// Package searchtest holds every search store to the same verdicts: for a table
// of records and specs, what a store finds must be what heka/matcher wants.
package searchtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"lagermeister/heka"
	"lagermeister/heka/matcher"
	"lagermeister/search"
)

// numberField is added to each record of the table, so that it is known again in
// what a store returns.
const numberField = "searchtest.number"

// Records returns the frames of the table: the valid records of the Heka vectors
// and some that are hard on a store. All are accepted by heka.Message.Validate.
func Records(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testdata(), "records", "*.bin"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no records in %s: %v", testdata(), err)
	}
	slices.Reverse(files) // those the specs are about first
	var bodies [][]byte
	for _, file := range files {
		frame, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		body := frame[min(len(frame), int(frame[1])+heka.FramingSize):]
		bodies = append(bodies, body, oneType(body))
	}
	bodies = append(bodies, hardRecords()...)

	var frames [][]byte
	var m heka.Message
	for _, body := range bodies {
		if body == nil || m.Parse(body) != nil || m.Validate() != nil || len(body) > heka.DefaultMaxMessage-64 {
			continue
		}
		number := protowire.AppendVarint(field(numberField, heka.IntegerType, 6, protowire.VarintType), uint64(len(frames)))
		frames = append(frames, heka.AppendFrame(nil, add(slices.Clone(body), number)))
	}
	return frames
}

// Run fills a store through ingest, and asks it everything in the table. ingest
// returns when the frames can be found, with the numbers of those that the store
// refused: a search engine takes no field that changes its type. The store must
// have been empty. Position and block of the records do not matter.
//
// An answer that claims to be exact must be what the matcher says; one that does
// not may have more, each of these marked as not exact.
func Run(t *testing.T, store search.Store, ingest func(frames [][]byte) (refused []int)) {
	frames := Records(t)
	messages := parse(t, frames)
	for _, n := range ingest(frames) {
		delete(messages, n)
	}
	if len(messages) < len(frames)*3/4 {
		t.Fatalf("only %d of %d records were taken", len(messages), len(frames))
	}

	t.Run("everything", func(t *testing.T) {
		all := slices.Sorted(maps.Keys(messages))
		for _, limit := range []int{7, search.MaxLimit} {
			found := ask(t, store, search.Request{Limit: limit}, &expected{"everything", messages, func(*heka.Message) bool { return true }})
			if !slices.Equal(found.sorted(), all) || found.total != int64(len(all)) || found.totalIs != search.Exact {
				t.Errorf("limit %d: %d records, total %d (%s); want all %d", limit, len(found.numbers), found.total, found.totalIs, len(all))
			}
		}
	})
	for _, text := range Specs(t) {
		spec, err := matcher.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		want := func(m *heka.Message) bool { return spec.Match(m) }
		ask(t, store, search.Request{Spec: spec, Limit: search.MaxLimit}, &expected{text, messages, want})
	}
	for _, text := range []string{"timed", "GET", "TEST payload", "index html", "日本語", "example", "über", "42", "nowhere"} {
		words := search.Tokens([]byte(text))
		want := func(m *heka.Message) bool { return search.HasTokens(m.Payload, words) }
		ask(t, store, search.Request{Text: words, Limit: 3}, &expected{"text " + text, messages, want})
	}
	spans(t, store, messages)
	around(t, store, messages)
}

// spans asks for times. Records without one are left out: they have their
// block's, which the table does not know.
func spans(t *testing.T, store search.Store, messages map[int]*heka.Message) {
	edge := time.Unix(0, 1373989748000000021) // of one of the records
	for _, r := range []search.Request{
		{From: edge, To: edge.Add(1)},
		{From: edge.Add(1), To: edge.Add(time.Hour)},
		{To: edge, Limit: 5},
		{From: time.UnixMilli(1), To: edge.Add(1), Limit: 5},
	} {
		want := func(m *heka.Message) bool {
			at := time.Unix(0, m.Timestamp)
			return m.HasTimestamp && (r.From.IsZero() || !at.Before(r.From)) && at.Before(r.To)
		}
		ask(t, store, r, &expected{fmt.Sprintf("from %v to %v", r.From, r.To), messages, want})
	}
}

// expected is what an answer is compared with.
type expected struct {
	what     string
	messages map[int]*heka.Message
	want     func(*heka.Message) bool
}

// found is what came back, over all pages.
type found struct {
	numbers []int
	maybe   map[int]bool
	exact   bool
	total   int64
	totalIs string
}

func (f *found) sorted() []int { return slices.Sorted(slices.Values(f.numbers)) }

// ask reads all pages and checks what must hold for any store and question.
func ask(t *testing.T, store search.Store, r search.Request, e *expected) *found {
	t.Helper()
	f := &found{exact: true, maybe: map[int]bool{}}
	var last int64
	first := r
	for page := 0; ; page++ {
		answer, err := store.Search(context.Background(), r)
		if err != nil {
			t.Errorf("%s: %v", e.what, err)
			return f
		}
		if r.Limit > 0 && len(answer.Records) > r.Limit || answer.Partial {
			t.Errorf("%s: page %d has %d records, limit %d, partial %v", e.what, page, len(answer.Records), r.Limit, answer.Partial)
		}
		for _, record := range answer.Records {
			at := max(record.Time.UnixNano(), 0) // before 1970 there is no order
			if len(f.numbers) > 0 && at > last {
				t.Errorf("%s: %s at %v comes after an older one", e.what, record.ID, record.Time)
			}
			last = at
			n := number(t, record)
			f.numbers = append(f.numbers, n)
			if f.maybe[n] = !record.Exact; !record.Exact && answer.Exact {
				t.Errorf("%s: the answer is exact, record %d in it is not", e.what, n)
			}
		}
		f.exact = f.exact && answer.Exact
		f.total, f.totalIs = answer.Total, answer.TotalIs
		if r.Cursor = answer.Next; r.Cursor == "" || page > 10_000 {
			break
		}
	}
	f.compare(t, e)
	counts(t, store, first, e, f)
	return f
}

func (f *found) compare(t *testing.T, e *expected) {
	t.Helper()
	got := f.sorted()
	if len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("%s: a record was found twice: %v", e.what, got)
	}
	for n, m := range e.messages {
		has, want := slices.Contains(got, n), e.want(m)
		switch {
		case want && !has:
			t.Errorf("%s: record %d (type %q) is not found", e.what, n, m.Type)
		case has && !want && !f.maybe[n]:
			t.Errorf("%s: record %d (type %q) is found", e.what, n, m.Type)
		}
	}
	if f.totalIs == search.Exact && (f.total != int64(len(got)) || !f.exact) {
		t.Errorf("%s: total %d is exact (answer exact: %v), %d records", e.what, f.total, f.exact, len(got))
	}
}

// number reads which record of the table it is.
func number(t testing.TB, r search.Record) int {
	t.Helper()
	var doc map[string]json.RawMessage
	var n int
	if json.Unmarshal(r.Doc, &doc) != nil || json.Unmarshal(doc["heka."+numberField], &n) != nil {
		t.Fatalf("%s has no heka.%s: %.300s", r.ID, numberField, r.Doc)
	}
	return n
}

// parse returns the messages by number.
func parse(t testing.TB, frames [][]byte) map[int]*heka.Message {
	t.Helper()
	list := map[int]*heka.Message{}
	for n, frame := range frames {
		m := new(heka.Message)
		if err := m.Parse(frame[int(frame[1])+heka.FramingSize:]); err != nil {
			t.Fatal(err)
		}
		list[n] = m
	}
	return list
}

// Specs returns the specs of the table: those of the Heka vectors that are specs
// for us, and some for the hard records.
func Specs(t testing.TB) []string {
	t.Helper()
	file, err := os.Open(filepath.Join(testdata(), "matcher.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	list := slices.Clone(hardSpecs)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var row struct{ Spec string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if _, err := matcher.Parse(row.Spec); err == nil {
			list = append(list, row.Spec)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// testdata is where the vectors are, wherever the test runs.
func testdata() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..", "heka", "testdata")
}
