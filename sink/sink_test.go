package sink

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// The table of answers, row by row, as the manual for operators has it.
func TestTableOfAnswers(t *testing.T) {
	t.Parallel()
	rows := []struct {
		status      []int
		errorType   string
		item, batch Verdict
	}{
		{[]int{200, 201, 202, 204, 299}, "", Done, Done},
		{[]int{409}, "version_conflict_engine_exception", Known, PauseAll},
		{[]int{400, 413, 422}, "document_parsing_exception", Poison, Halve},
		{[]int{401, 403, 404, 405, 407, 410}, "", PauseAll, PauseAll},
		{[]int{403, 429, 503, 400}, "cluster_block_exception", PauseAll, PauseAll},
		{[]int{404, 500, 400}, "index_not_found_exception", PauseAll, PauseAll},
		{[]int{400}, NoHandler, PauseAll, PauseAll},
		{[]int{400}, PlainHTTP, PauseAll, PauseAll},
		{[]int{408, 425, 429, 500, 502, 503, 504, 599}, "", TryAgain, TryAgain},
		{[]int{429}, "es_rejected_execution_exception", TryAgain, TryAgain},
		{[]int{0}, "", TryAgain, TryAgain}, // connection, TLS, time-out
		{[]int{301, 302, 303, 307, 308}, "", PauseAll, PauseAll},
		{[]int{402, 406, 411, 415, 418, 431, 451}, "", PauseAll, PauseAll},
		{[]int{100, 199, 600, 999, -1, 1 << 20}, "", PauseAll, PauseAll},
	}
	for _, row := range rows {
		for _, status := range row.status {
			if got := JudgeItem(status, row.errorType); got != row.item {
				t.Errorf("item with status %d %s: got %v, want %v", status, row.errorType, got, row.item)
			}
			if got := JudgeBatch(status, row.errorType); got != row.batch {
				t.Errorf("batch with status %d %s: got %v, want %v", status, row.errorType, got, row.batch)
			}
		}
	}
}

func TestEveryStatusHasAVerdict(t *testing.T) {
	t.Parallel()
	for status := range 1000 {
		item, batch := JudgeItem(status, ""), JudgeBatch(status, "")
		if item == Halve || batch == Poison || batch == Known {
			t.Errorf("status %d: %v for an item, %v for a batch", status, item, batch)
		}
		if done := status/100 == 2; (item == Done) != done || (batch == Done) != done {
			t.Errorf("status %d: %v for an item, %v for a batch; only 2xx is done", status, item, batch)
		}
	}
}

func TestABatchOfOneIsRefusedWhereALongerOneIsHalved(t *testing.T) {
	t.Parallel()
	split := &Error{Class: Split, Status: 413, Type: "too_large", Reason: "no"}
	one := make([]Result, 1)
	if err := Conclude(split, one); err != nil || one[0] != (Result{Refused, 413, "too_large", "no"}) {
		t.Errorf("one record: got %v, %+v", err, one[0])
	}
	two := []Result{{Outcome: Delivered}, {Outcome: Refused}}
	if err := Conclude(split, two); err != split || two[0].Outcome.Final() || two[1].Outcome.Final() {
		t.Errorf("two records: got %v, %+v", err, two)
	}
	again := &Error{Class: Again, Status: 503}
	if err := Conclude(again, one); err != again || one[0].Outcome.Final() {
		t.Errorf("one record, 503: got %v, %+v", err, one)
	}
}

func TestWordsAreOneBoundedLineOfText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                  "",
		" plain  text\n":                    "plain text",
		"a\r\nLm-Group: forged\x00\x7f\x1b": "a Lm-Group: forged",
		"\u009b31mred\u202e\u2028\ufeff":    "31mred",
		"bad \xff bytes":                    "bad \uFFFD bytes",
	} {
		if got := Words([]byte(in)); got != want {
			t.Errorf("Words(%q) = %q, want %q", in, got, want)
		}
	}
	for _, long := range []string{strings.Repeat("x", 1e6), strings.Repeat("ü", 2000)} {
		got := Words([]byte(long))
		if len(got) > MaxWords || len(got) < MaxWords-8 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("Words of %d bytes: %d bytes, ends in %q", len(long), len(got), got[len(got)-8:])
		}
	}
}

func TestErrorTellsTheWholeStory(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	err := &Error{Attempt: "POST http://es:9200/_bulk, 3 records", Status: 503, Type: "unavailable", Reason: "no shard", Err: cause}
	if got, want := err.Error(), "POST http://es:9200/_bulk, 3 records: status 503: unavailable: no shard: connection refused"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is not wrapped")
	}
	if got := (&Error{Err: cause}).Error(); got != "connection refused" {
		t.Errorf("got %q", got)
	}
}

func FuzzWords(f *testing.F) {
	f.Add([]byte("mapper_parsing_exception: \x1f\xf0\x9f"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got := Words(text)
		if len(got) > MaxWords || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("Words(%q) = %q", text, got)
		}
	})
}
