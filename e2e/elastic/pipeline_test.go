package elastic

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"lagermeister/internal/loadgen"
	"lagermeister/internal/pipeline"
	"lagermeister/internal/program"
)

// relay runs the whole suite with e in place of the embedded store, until stop.
func (e *engine) relay(t *testing.T, changes ...func(*pipeline.Settings)) (addrs pipeline.Addrs, stop func()) {
	t.Helper()
	s := pipeline.Defaults()
	if _, err := program.Configure("local_relay", nil, io.Discard, s.Parts()...); err != nil {
		t.Fatal(err)
	}
	s.Relay.DataDir = t.TempDir()
	s.Relay.NATSAddress, s.Relay.StatsAddress = "127.0.0.1:0", "127.0.0.1:0"
	s.TCP.BindAddress, s.HTTP.BindAddress, s.Dashboard.HTTPPort = "127.0.0.1:0", "127.0.0.1:0", 0
	s.Bulk.RemoteURL, s.Bulk.Index = []string{e.url}, strings.ReplaceAll(e.index, "*", "%{%Y.%m.%d}")
	for _, change := range changes {
		change(s)
	}

	log := logrus.New()
	log.SetOutput(t.Output())
	log.SetLevel(logrus.WarnLevel)
	ctx, cancel := context.WithCancel(context.Background())
	pl, err := pipeline.New(ctx, program.New(ctx, "local_relay", log), s)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- pl.Run(ctx) }()
	return pl.Addrs(), func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the relay ended with: %v", err)
		}
	}
}

// TestEveryRecordOfARunIsInTheEngineOnceAndStaysOneWhenSentAgain sends the same
// records (100,000 on the newest engines) through two relays, one after the other: neither knows what the
// other has sent, so that only the ids keep the second from doubling anything.
func TestEveryRecordOfARunIsInTheEngineOnceAndStaysOneWhenSentAgain(t *testing.T) {
	start := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	each(t, func(t *testing.T, e *engine) {
		e.index += "-*" // one a day
		records := 100_000
		if e.name != "ELASTIC_URL" && e.name != "OPENSEARCH_URL" { // an older major version
			records /= 10
		}
		for _, attempt := range []string{"first", "again"} {
			addrs, stop := e.relay(t)
			var out bytes.Buffer
			cfg := loadgen.Config{
				Protocol: "tcp", Address: addrs.TCP.String(), Count: uint64(records), Connections: 8, PerRequest: 1,
				Size: 300, Distribution: "lognormal", Seed: 20260102, StartTime: start,
				VerifyURL: "http://" + addrs.Dashboard.String() + "/api/v2/search", VerifyWait: time.Minute,
			}
			generator, err := loadgen.New(cfg, &out)
			if err != nil {
				t.Fatal(err)
			}
			if err := generator.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if attempt == "again" {
				e.waitSettled(t, addrs, records)
			}
			e.waitSearchable(t)
			if err := generator.Verify(t.Context()); err != nil {
				t.Errorf("%s: %v\n%s", attempt, err, out.String())
			}
			if n := e.count(t, everything); n != records {
				t.Errorf("%s: the engine holds %d documents, want %d", attempt, n, records)
			}
			stop()
		}
	})
}

// waitSearchable waits until the index is there and its shards answer, which an
// engine under load takes its time for.
func (e *engine) waitSearchable(t *testing.T) {
	t.Helper()
	eventually(t, time.Minute, "the index can be searched", func() bool {
		resp, err := http.Get(e.url + "/" + e.index + "/_search?size=1&allow_partial_search_results=false")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK && strings.Contains(string(text), `"_id"`)
	})
}

// waitSettled waits until the relay has settled n records as being there already.
func (e *engine) waitSettled(t *testing.T, addrs pipeline.Addrs, n int) {
	t.Helper()
	const metric = `lagermeister_subscriber_records_total{group="es_subscriber",outcome="already",part="es_subscriber"} `
	deadline := time.Now().Add(2 * time.Minute)
	for {
		resp, err := http.Get("http://" + addrs.Admin.String() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		_, value, _ := strings.Cut(string(page), metric)
		value, _, _ = strings.Cut(value, "\n")
		if already, _ := strconv.ParseFloat(value, 64); already == float64(n) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s of %d records were found to be there already", value, n)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
