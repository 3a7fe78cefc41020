package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"lagermeister/deadletter"
	"lagermeister/ledger"
	"lagermeister/sink/sinktest"
)

// dashboard asks the dashboard and reads its answer into a value.
func (r *relay) dashboard(t *testing.T, method, path, body string, into any) {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+r.Dashboard.String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(answer, into); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: status %d, %v: %s", method, path, resp.StatusCode, err, answer)
	}
}

// Some records are poison to the sink. They are dead letters with their reason;
// when the cause is mended they are replayed, move in the ledger, and are at the
// sink once.
func TestPoisonIsBuriedListedMendedAndReplayed(t *testing.T) {
	t.Parallel()
	const records, poison = 1000, 11 // number 7 and number 70 to 79
	far := sinktest.New(t)
	far.Fail(sinktest.RefuseItems(func(rec sinktest.Record) *sinktest.Item {
		if n := number(t, rec.Doc); n == 7 || n/10 == 7 {
			return &sinktest.Item{Status: 400, Type: "too_odd", Reason: fmt.Sprintf("number %d is too odd, of '%d'", n, n)}
		}
		return nil
	}))
	r := start(t, to(far))
	var body []byte
	for n := range records {
		body = append(body, frame(n, 300)...)
	}
	if status := r.post(t, http.DefaultClient, body); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	balance := func(delivered, dead uint64) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d delivered, %d dead", delivered, dead), func() bool {
			b, ok := r.balance(t)
			if ok && b.Difference != 0 {
				t.Fatalf("%+v", b)
			}
			return ok && b.State == ledger.Balanced && b.Delivered == delivered && b.Dead == dead
		})
	}
	balance(records-poison, poison)

	var all struct{ Streams []deadletter.Summary }
	r.dashboard(t, "GET", "/api/v2/dead", "", &all)
	if len(all.Streams) != 1 || all.Streams[0].Letters != poison || len(all.Streams[0].Kinds) != 1 {
		t.Fatalf("%+v", all)
	}
	kind := all.Streams[0].Kinds[0]
	var page deadletter.Listing
	r.dashboard(t, "GET", "/api/v2/dead/entries?reason="+kind.Fingerprint, "", &page)
	if len(page.Entries) != poison || kind.Pattern != "number # is too odd, of '…'" {
		t.Errorf("%+v, %+v", kind, page)
	}

	ask := fmt.Sprintf(`{"reason":%q}`, kind.Fingerprint)
	var n deadletter.Counts
	r.dashboard(t, "POST", "/api/v2/dead/replay", ask, &n)
	if n.Done != poison {
		t.Fatalf("%+v", n)
	}
	eventually(t, "all refused again", func() bool {
		r.dashboard(t, "GET", "/api/v2/dead/entries", "", &page)
		for _, e := range page.Entries {
			if e.Attempts != 2 {
				return false
			}
		}
		return len(page.Entries) == poison
	})
	balance(records-poison, poison)

	far.Heal()
	r.dashboard(t, "POST", "/api/v2/dead/replay", ask, &n)
	r.dashboard(t, "POST", "/api/v2/dead/replay", ask, &n) // twice is harmless
	balance(records, 0)
	holds(t, far, records)
	page = deadletter.Listing{}
	if r.dashboard(t, "GET", "/api/v2/dead/entries", "", &page); len(page.Entries) != 0 {
		t.Errorf("letters are left: %+v", page)
	}
}
