package binaries

import (
	"encoding/json"
	"net/url"
	"regexp"
	"testing"

	"lagermeister/internal/freeport"
	"lagermeister/internal/natsserver"
	"lagermeister/sink/sinktest"
	"lagermeister/stream/streamtest"
)

// A hub that is away for as long as a relay works, and then again while it catches
// up, costs nothing: at its sink is every record that the relay took, once.
func TestWhatARelayTookWhileItsHubWasAwayIsAtTheHubsSinkOnce(t *testing.T) {
	t.Parallel()
	const subject = "all-logs"
	hub, far := freeport.Addr(), sinktest.New(t)
	r := newRelay(t)
	r.extra = []string{"RELAY_HUB_URL=nats://" + hub, "RELAY_HUB_SUBJECT=" + subject}
	p := r.launch(t)
	l := r.load(t)
	p.busy(5000)
	p.kill()
	p = r.launch(t)
	hurry(t, "nats://"+r.nats, "lagermeister-test", "hub")
	p.busy(5000)
	l.end(true)
	said := l.lines.String()
	l.verify()
	if p.metric("lagermeister_publisher_stored_records_total") == 0 || far.Len() > 0 {
		t.Fatalf("the relay has stored nothing, or the hub, which is away, has %d records", far.Len())
	}

	dir := t.TempDir()
	start := func() *natsserver.Server {
		return streamtest.Server(t, streamtest.Addr(hub), streamtest.Store(dir), streamtest.SyncAlways)
	}
	server := start()
	admin := freeport.Addr()
	out := launch(t, "es_subscriber", admin, "ESSUB_NATS_URL="+server.ClientURL(), "ESSUB_SUBJECT="+subject, "ESSUB_STATS_ADDRESS="+admin, "ESSUB_REMOTE_URL="+far.URL)
	hurry(t, server.ClientURL(), subject, "es_subscriber")
	for _, some := range []int{500, 5000} {
		far.Await(t, some)
		server.Shutdown()
		server = start()
	}
	took := r.ids(t, said)
	far.Await(t, len(took))
	at := far.Ledger()
	for id, entry := range at {
		if entry.Taken != 1 || !took[id] {
			t.Errorf("%s was taken %d times; the relay has it: %v", id, entry.Taken, took[id])
		}
	}
	if len(at) != len(took) {
		t.Errorf("the hub's sink has %d records, the relay took %d", len(at), len(took))
	}
	if code := out.terminate(); code != 0 {
		t.Errorf("es_subscriber at the hub ended with %d", code)
	}
}

// ids are those of all records of a load that the relay's own store has.
func (r *relay) ids(t *testing.T, said string) map[string]bool {
	t.Helper()
	run := regexp.MustCompile(`run (lg[0-9a-f]+)`).FindStringSubmatch(said)
	if run == nil {
		t.Fatalf("the load does not say which run it is:\n%s", said)
	}
	all := map[string]bool{}
	for cursor := ""; ; {
		var page struct {
			Records []struct {
				ID string `json:"id"`
			} `json:"records"`
			Next string `json:"next"`
		}
		_, body := get("http://" + r.dashboard + "/api/v2/search?limit=1000&text=" + run[1] + "&cursor=" + url.QueryEscape(cursor))
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatalf("search: %v in %.300s", err, body)
		}
		for _, record := range page.Records {
			all[record.ID] = true
		}
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}
