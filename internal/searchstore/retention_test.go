package searchstore

import (
	"bytes"
	"fmt"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lagermeister/search"
)

// fill stores records in the indices a to d, written to an hour after another,
// and returns when the last one was.
func fill(t *testing.T, s *Store) time.Time {
	t.Helper()
	now := time.Now()
	for i, index := range []string{"a", "b", "c", "d"} {
		b := newBulk(uint64(i + 1))
		for n := range 500 {
			b.drafts(index, draft(1000*i+n, int64(n)))
		}
		post(t, s.Handler(), b.buf.Bytes())
		written := now.Add(time.Duration(i-3) * time.Hour)
		for _, part := range []string{".db", ".db-wal"} {
			if err := os.Chtimes(filepath.Join(s.cfg.Dir, index+part), written, written); err != nil {
				t.Fatal(err)
			}
		}
	}
	return now
}

func indices(t *testing.T, s *Store) string {
	t.Helper()
	var names []string
	for _, f := range s.all() {
		names = append(names, f.name)
	}
	files, _ := filepath.Glob(filepath.Join(s.cfg.Dir, "*.db"))
	if len(files) != len(names) {
		t.Errorf("files %v, indices %v", files, names)
	}
	if _, last := pages(t, s, search.Request{Limit: 1000}); last.Total != int64(500*len(names)) {
		t.Errorf("%d records in %v", last.Total, names)
	}
	return strings.Join(names, "")
}

func TestOldFilesAreRemovedWholeOldestFirst(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	now := fill(t, s)
	size := func() (sum int64) {
		d, err := s.measure()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range d.files {
			sum += f.bytes
		}
		return sum
	}
	s.retain(now)
	if got := indices(t, s); got != "abcd" {
		t.Errorf("without limits %s are left", got)
	}
	s.cfg.MaxAge = 150 * time.Minute
	s.retain(now)
	if got := indices(t, s); got != "bcd" {
		t.Errorf("by age %s are left", got)
	}
	s.cfg.MaxBytes = size() - 1
	s.retain(now)
	if got := indices(t, s); got != "cd" {
		t.Errorf("by size %s are left", got)
	}
	s.cfg.MaxBytes = 1
	s.retain(now)
	if got := indices(t, s); got != "d" {
		t.Errorf("the newest must stay, %s are left", got)
	}
	// A removed index can be used again at once.
	if got := post(t, s.Handler(), newBulk(9).drafts("a", draft(1, day)).buf.Bytes()); got[0] != 201 {
		t.Errorf("write answered %v", got)
	}
}

func TestWritesAreRefusedBeforeTheDiskIsFull(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	fill(t, s)
	s.cfg.MinFree = math.MaxInt64
	s.looked = time.Time{}
	body := newBulk(9).drafts("d", draft(9000, day)).buf.Bytes()
	for range 2 {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/_bulk", bytes.NewReader(body)))
		if w.Code != 429 || !strings.Contains(w.Body.String(), "cluster_block_exception") || !strings.Contains(w.Body.String(), "STORE_MIN_FREE") {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
		if got := indices(t, s); got != "d" {
			t.Errorf("%s are left", got)
		}
	}
	s.cfg.MinFree = 0
	if got := post(t, s.Handler(), body); got[0] != 201 {
		t.Errorf("with room again it answered %v", got)
	}
}

func TestRetentionUnderLoadLosesNothingNew(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	stored := make(chan int)
	go func() {
		defer close(stored)
		for block := range 40 {
			b := newBulk(uint64(block + 1))
			for n := range 50 {
				b.drafts(fmt.Sprint("i", n%2), draft(block*50+n, int64(block)))
			}
			stored <- count(post(t, s.Handler(), b.buf.Bytes()), 201)
		}
	}()
	for n := range stored {
		if n != 50 {
			t.Errorf("%d of 50 records were stored", n)
		}
		f, err := s.file("i0")
		if err == nil {
			err = s.remove(f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if records, _ := pages(t, s, search.Request{Limit: 1000}); len(records) < 40*25 {
		t.Errorf("%d records are left", len(records))
	}
}
