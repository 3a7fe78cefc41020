package searchstore

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"lagermeister/search"
)

// crashDir tells the test binary that it is the process to be killed.
const crashDir = "SEARCHSTORE_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := storeForEver(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// storeForEver stores blocks in two indices and prints the ids of each one that
// was answered.
func storeForEver(dir string) error {
	s, err := Open(Config{Dir: dir}, quiet())
	if err != nil {
		return err
	}
	start := time.Now().UnixNano()
	for block := 0; ; block++ {
		b := newBulk(uint64(start) + uint64(block))
		for n := range 300 {
			b.drafts(fmt.Sprint("logs-", n%2), draft(n, start+int64(block*300+n)))
		}
		items, err := parseBulk(b.buf.Bytes())
		if err != nil {
			return err
		}
		s.store(items)
		for _, item := range items {
			if item.status != 201 {
				return fmt.Errorf("status %d: %s", item.status, item.why)
			}
		}
		fmt.Println(strings.Join(b.ids, " "))
	}
}

func TestKillLosesNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 4 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), crashDir+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for blocks := 0; lines.Scan(); blocks++ {
			// A line that was cut by the kill is not complete, so neither are its ids.
			for _, id := range strings.Fields(lines.Text()) {
				if len(id) == idSize {
					acknowledged[id] = true
				}
			}
			if blocks == 5+3*round {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // it was killed

		s, err := Open(Config{Dir: dir}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		records, last := pages(t, s, search.Request{Limit: 1000})
		found := map[string]int{}
		for _, r := range records {
			found[r.ID]++
			if found[r.ID] > 1 {
				t.Errorf("%s is there twice", r.ID)
			}
		}
		for id := range acknowledged {
			if found[id] == 0 {
				t.Errorf("round %d: %s was answered and is not there", round, id)
			}
		}
		if int64(len(records)) != last.Total {
			t.Errorf("round %d: %d records, total says %d", round, len(records), last.Total)
		}
		words, _ := pages(t, s, search.Request{Limit: 1000, Text: []string{"record"}})
		if len(words) != len(records) {
			t.Errorf("round %d: %d records by word, %d in all", round, len(words), len(records))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(acknowledged) < 4*5*300 {
		t.Errorf("only %d records were acknowledged", len(acknowledged))
	}
}
