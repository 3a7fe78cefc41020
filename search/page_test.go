package search_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"lagermeister/heka/matcher"
	"lagermeister/search"
)

// rows is a source of n rows, the payload of each its number; every tenth says ten.
type rows struct {
	n     int
	reads int
	block bool // wait for the deadline at the second Read
}

func (s *rows) Read(ctx context.Context, after string, n int) ([]search.Row, error) {
	if s.reads++; s.block && s.reads > 1 {
		<-ctx.Done()
		return nil, fmt.Errorf("read rows: %w", ctx.Err())
	}
	start, _ := strconv.Atoi(after)
	var list []search.Row
	for i := start; i < min(start+n, s.n); i++ {
		payload := "row " + strconv.Itoa(i)
		if i%10 == 0 {
			payload += " ten"
		}
		body := protowire.AppendString(protowire.AppendTag(nil, 6, protowire.BytesType), payload)
		list = append(list, search.Row{Record: search.Record{ID: strconv.Itoa(i)}, After: strconv.Itoa(i + 1), Body: body})
	}
	return list, nil
}

func (s *rows) Count(context.Context) (int64, error) { return int64(s.n), nil }

func mustParse(t testing.TB, text string) *matcher.Spec {
	t.Helper()
	spec, err := matcher.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestPagesTogetherHoldEachMatchOnce(t *testing.T) {
	t.Parallel()
	for _, r := range []search.Request{
		{Spec: mustParse(t, `Payload =~ /ten$/`), Limit: 30},
		{Text: []string{"ten"}, Limit: 30},
		{Spec: mustParse(t, `Payload =~ /ten$/`), Text: []string{"ten", "row"}, Limit: 25},
	} {
		src := &rows{n: 2000}
		seen := map[string]bool{}
		for page := 0; ; page++ {
			answer, err := search.Fill(t.Context(), r, src)
			if err != nil {
				t.Fatal(err)
			}
			for _, record := range answer.Records {
				if seen[record.ID] || !record.Exact {
					t.Errorf("%s again, or not exact", record.ID)
				}
				seen[record.ID] = true
			}
			if answer.Total != int64(len(seen)) || (answer.TotalIs == search.Exact) != (answer.Next == "") {
				t.Errorf("page %d: total %d (%s) with %d seen and next %q", page, answer.Total, answer.TotalIs, len(seen), answer.Next)
			}
			if answer.Next == "" {
				break
			}
			if len(answer.Records) != r.Limit || answer.Partial {
				t.Errorf("page %d: %d records, partial %v", page, len(answer.Records), answer.Partial)
			}
			r.Cursor = answer.Next
		}
		if len(seen) != 200 {
			t.Errorf("%d matches, want 200", len(seen))
		}
	}
}

func TestEverythingIsCountedExactly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, limit, records int }{{250, 0, 100}, {100, 100, 100}, {101, 100, 100}, {0, 10, 0}, {9, 10, 9}} {
		answer, err := search.Fill(t.Context(), search.Request{Limit: c.limit}, &rows{n: c.n})
		if err != nil {
			t.Fatal(err)
		}
		more := c.n > c.records
		if len(answer.Records) != c.records || answer.Total != int64(c.n) || answer.TotalIs != search.Exact || (answer.Next != "") != more || answer.Records == nil {
			t.Errorf("%+v: %d records, total %d (%s), next %q", c, len(answer.Records), answer.Total, answer.TotalIs, answer.Next)
		}
	}
}

func TestAPageStopsAtTheMostExamined(t *testing.T) {
	t.Parallel()
	r := search.Request{Spec: mustParse(t, `Payload == "row 10001"`)}
	src := &rows{n: 50_000}
	first, err := search.Fill(t.Context(), r, src)
	if err != nil || !first.Partial || first.Examined != search.MaxExamined || len(first.Records) != 0 || first.TotalIs != search.AtLeast {
		t.Fatalf("%+v, %v; want a partial page of %d examined", first, err, search.MaxExamined)
	}
	r.Cursor = first.Next
	second, err := search.Fill(t.Context(), r, src)
	if err != nil || len(second.Records) != 1 || second.Records[0].ID != "10001" || second.Total != 1 {
		t.Fatalf("%+v, %v; want row 10001", second, err)
	}
}

func TestWhatWasFoundByTheDeadlineIsTheAnswer(t *testing.T) {
	t.Parallel()
	r := search.Request{Text: []string{"ten"}, Limit: 1000}
	answer, err := search.FillWithin(t.Context(), r, &rows{n: 5000, block: true}, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if !answer.Partial || len(answer.Records) != 20 || answer.Next == "" || answer.TotalIs != search.AtLeast {
		t.Errorf("%d records, partial %v, next %q; want the 20 of the first read", len(answer.Records), answer.Partial, answer.Next)
	}
}

func TestAnAskerWhoLeavesGetsAnError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := search.Fill(ctx, search.Request{Text: []string{"ten"}}, &rows{n: 5000, block: true, reads: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestBadRequestsNameTheParameter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r    search.Request
		want string
	}{
		{search.Request{Limit: -1}, "limit"},
		{search.Request{Limit: search.MaxLimit + 1}, "limit"},
		{search.Request{Cursor: "nonsense"}, "cursor"},
		{search.Request{Cursor: "LTEgYQ"}, "cursor"}, // "-1 a"
		{search.Request{Text: strings.Fields(strings.Repeat("w ", search.MaxTokens+1))}, "text"},
	} {
		_, err := search.Fill(t.Context(), c.r, &rows{})
		if wrong, ok := errors.AsType[*search.ParameterError](err); !ok || wrong.Parameter != c.want {
			t.Errorf("%+v: %v, want an error about %s", c.r, err, c.want)
		}
	}
}
