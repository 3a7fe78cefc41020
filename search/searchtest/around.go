package searchtest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"lagermeister/heka"
	"lagermeister/heka/recordid"
	"lagermeister/search"
)

// around asks for the neighbours of records, which must be those that a search for
// their hostname and logger shows beside them.
func around(t *testing.T, store search.Store, messages map[int]*heka.Message) {
	const n = 3
	asked := map[string]bool{}
	for _, m := range messages {
		source := string(m.Hostname) + "\x00" + string(m.Logger)
		if asked[source] || !asciiOnly(source) {
			continue
		}
		asked[source] = true
		all := everything(t, store, search.Request{Spec: search.SameSource(string(m.Hostname), string(m.Logger)), Limit: search.MaxLimit})
		slices.Reverse(all)
		times := map[string]int{}
		for _, id := range all {
			times[id]++
		}
		for i, id := range all {
			if times[id] > 1 || i > 6 && i < len(all)-6 {
				continue // in two indices, or one of many
			}
			got, err := store.Around(context.Background(), id, n)
			if err != nil {
				t.Errorf("around %s: %v", id, err)
				continue
			}
			before, after := ids(got.Before), ids(got.After)
			if got.Record.ID != id || !got.Record.Exact || got.Partial ||
				!slices.Equal(before, all[max(0, i-n):i]) || !slices.Equal(after, all[i+1:min(len(all), i+1+n)]) {
				t.Errorf("hostname %q, logger %q: around %s are %v and %v\nof %v", m.Hostname, m.Logger, id, before, after, all)
			}
			found, err := store.Find(context.Background(), id)
			if err != nil || found.Record.ID != id || string(found.Record.Doc) != string(got.Record.Doc) {
				t.Errorf("find %s: %+v, %v", id, found, err)
			}
			if found.Frame != nil {
				checkFrame(t, id, found.Frame)
			}
		}
	}
	for _, id := range []string{"", "x", "0123456789abcdef0123456789abcdef0123456789ab", "000000000000ffffffffffffffffffffffffffffffff", "ffffffffffffffffffffffffffffffffffffffffffff", "\x00*\""} {
		if _, err := store.Around(context.Background(), id, n); !errors.Is(err, search.ErrNotFound) {
			t.Errorf("around %q: %v, want not found", id, err)
		}
		if _, err := store.Find(context.Background(), id); !errors.Is(err, search.ErrNotFound) {
			t.Errorf("find %q: %v, want not found", id, err)
		}
	}
}

// checkFrame checks that the bytes are those of the id, as far as it says that.
func checkFrame(t *testing.T, id string, frame []byte) {
	t.Helper()
	var m heka.Message
	if err := m.Parse(frame[int(frame[1])+heka.FramingSize:]); err != nil {
		t.Errorf("%s: %v", id, err)
	}
	var hasher recordid.Hasher
	if got := string(hasher.Append(nil, &m, "", 0)); len(m.UUID) == heka.UUIDSize && got != id {
		t.Errorf("the frame of %s has the id %s", id, got)
	}
}

// everything returns the ids of all pages.
func everything(t *testing.T, store search.Store, r search.Request) (list []string) {
	t.Helper()
	for {
		answer, err := store.Search(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, ids(answer.Records)...)
		if r.Cursor = answer.Next; r.Cursor == "" {
			return list
		}
	}
}

func ids(records []search.Record) (list []string) {
	for _, r := range records {
		list = append(list, r.ID)
	}
	return list
}

func asciiOnly(text string) bool {
	return !slices.ContainsFunc([]byte(text), func(c byte) bool { return c >= 0x80 })
}
