package searchstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"lagermeister/heka"
	"lagermeister/search"
)

func TestNeighboursAreOfTheSameSourceInAllFiles(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	b := newBulk(1)
	long := strings.Repeat("h", maxValue)
	var mine []string
	for n := range 400 {
		d := draft(n, int64(n/3)) // some of the same time
		d.Hostname = long + []string{"a", "b", "c"}[n%3]
		d.Logger = []string{"l", ""}[n%2]
		b.drafts(fmt.Sprint("logs-", n%4), d)
		if n%6 == 1 {
			mine = append(mine, b.ids[n])
		}
	}
	post(t, s.Handler(), b.buf.Bytes())
	got, err := s.Around(t.Context(), mine[30], 100)
	if err != nil || got.Partial || got.Record.ID != mine[30] {
		t.Fatalf("%+v, %v", got.Record, err)
	}
	for i, list := range [][]search.Record{got.Before, got.After} {
		want := [][]string{mine[:30], mine[31:]}[i]
		if len(list) != len(want) {
			t.Fatalf("%d records before or after, want %d", len(list), len(want))
		}
		for j := range list {
			if list[j].ID != want[j] {
				t.Errorf("record %d is %s, want %s", j, list[j].ID, want[j])
			}
		}
	}
	few, err := s.Around(t.Context(), mine[30], 2)
	if err != nil || len(few.Before) != 2 || few.Before[1].ID != mine[29] || len(few.After) != 2 || few.After[0].ID != mine[31] {
		t.Errorf("%+v, %v", few, err)
	}
}

func TestAFoundRecordHasItsFrame(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	undated := append([]byte("\x4a\x04host"), "\x32\x07payload"...)
	early := draft(2, -5)
	b := newBulk(1).drafts("logs", draft(1, day), early).add("logs", undated)
	post(t, s.Handler(), b.buf.Bytes())
	early2 := draft(1, day)
	for i, body := range [][]byte{early2.Append(nil), early.Append(nil), undated} {
		got, err := s.Find(t.Context(), b.ids[i])
		if err != nil || got.Record.ID != b.ids[i] || string(got.Frame) != string(heka.AppendFrame(nil, body)) || !got.Record.Exact {
			t.Errorf("record %d: %+v, %v", i, got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Find(ctx, b.ids[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("somebody who has left gets %v", err)
	}
	f, _ := s.file("logs")
	if err := s.remove(f); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(t.Context(), b.ids[0]); !errors.Is(err, search.ErrNotFound) {
		t.Errorf("a removed record: %v", err)
	}
}
