package loadgen

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lagermeister/heka"
)

// settings are the defaults that envconfig would fill in, as fast as possible.
func settings(t *testing.T, change func(*Config)) Config {
	t.Helper()
	cfg := Config{Protocol: "tcp", Connections: 3, PerRequest: 1, Size: 300, Distribution: "fixed", Seed: 5, Count: 1000,
		StartTime: "2026-01-02T03:04:05Z", VerifyWait: 50 * time.Millisecond}
	change(&cfg)
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func run(t *testing.T, cfg Config) (*Generator, string) {
	t.Helper()
	var out bytes.Buffer
	g, err := New(cfg, &out)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g, out.String()
}

// listen counts the records of s by number that arrive on a TCP port. seen waits
// for all three connections: what is still queued at a listener is gone when that
// closes.
func listen(t *testing.T, s *Source) (address string, seen func() map[uint64]int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var connections sync.WaitGroup
	counts := map[uint64]int{}
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for range 3 {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				defer conn.Close()
				reader := heka.NewReader(conn, heka.DefaultMaxMessage)
				var m heka.Message
				for {
					f, err := reader.Next()
					if err != nil {
						return
					}
					if m.Parse(f.Body) != nil {
						continue
					}
					n, _ := s.number(m.Payload)
					mu.Lock()
					counts[n]++
					mu.Unlock()
				}
			})
		}
	}()
	return l.Addr().String(), func() map[uint64]int {
		<-accepted
		l.Close()
		connections.Wait()
		return counts
	}
}

func TestEveryNumberIsSentOnceOverTCP(t *testing.T) {
	t.Parallel()
	address, seen := listen(t, NewSource(Recipe{Seed: 5}))
	g, out := run(t, settings(t, func(c *Config) { c.Address = address }))
	missing, double := compare(g.expected(), seen())
	if len(g.expected()) != 1000 || len(missing)+len(double) > 0 {
		t.Errorf("expected %d, missing %v, double %v", len(g.expected()), missing, double)
	}
	if !strings.Contains(out, "sent 1000 records") {
		t.Errorf("summary: %s", out)
	}
}

func TestRateIsNotExceeded(t *testing.T) {
	t.Parallel()
	address, seen := listen(t, NewSource(Recipe{Seed: 5}))
	began := time.Now()
	run(t, settings(t, func(c *Config) { c.Address, c.Count, c.Rate = address, 300, 1000 }))
	seen()
	if took := time.Since(began); took < 280*time.Millisecond {
		t.Errorf("300 records at 1000/s took %s", took)
	}
}

// farEnd takes records over HTTP and answers the search API from what it took.
type farEnd struct {
	mu    sync.Mutex
	calls int
	took  []string // payloads in order of arrival
}

func (f *farEnd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodGet {
		f.search(w, r)
		return
	}
	f.calls++
	body, _ := io.ReadAll(r.Body)
	if f.calls%7 == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	reader := heka.NewReader(bytes.NewReader(body), heka.DefaultMaxMessage)
	for {
		frame, err := reader.Next()
		if err != nil {
			return
		}
		var m heka.Message
		if m.Parse(frame.Body) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		f.took = append(f.took, string(m.Payload))
	}
}

func (f *farEnd) search(w http.ResponseWriter, r *http.Request) {
	const pageSize = 100
	start := 0
	if c := r.URL.Query().Get("cursor"); c != "" {
		_ = json.Unmarshal([]byte(c), &start)
	}
	end := min(start+pageSize, len(f.took))
	answer := map[string]any{}
	var records []any
	for _, payload := range f.took[start:end] {
		records = append(records, map[string]any{"doc": map[string]string{"message": payload}})
	}
	answer["records"] = records
	if end < len(f.took) {
		next, _ := json.Marshal(end)
		answer["next"] = string(next)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func TestWhatHTTPRefusesForAWhileIsSentAgainAndVerifyFindsAll(t *testing.T) {
	t.Parallel()
	far := &farEnd{}
	server := httptest.NewServer(far)
	defer server.Close()
	cfg := settings(t, func(c *Config) {
		c.Protocol, c.Address, c.Count, c.Connections = "http", server.URL, 200, 8
		c.Corrupt, c.VerifyURL = 0.1, server.URL
	})
	g, _ := run(t, cfg)
	var out bytes.Buffer
	g.out = &out
	if err := g.Verify(t.Context()); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestVerifyNamesMissingAndDoubleNumbers(t *testing.T) {
	t.Parallel()
	far := &farEnd{}
	server := httptest.NewServer(far)
	defer server.Close()
	g, _ := run(t, settings(t, func(c *Config) {
		c.Protocol, c.Address, c.Count, c.VerifyURL = "http", server.URL, 100, server.URL
	}))
	far.mu.Lock()
	var kept []string
	for _, payload := range far.took {
		n, _ := g.source.number([]byte(payload))
		if n < 40 || n > 42 {
			kept = append(kept, payload)
		}
		if n == 77 {
			kept = append(kept, payload)
		}
	}
	far.took = kept
	far.mu.Unlock()
	var out bytes.Buffer
	g.out = &out
	err := g.Verify(t.Context())
	if err == nil || !strings.Contains(out.String(), "missing 3: 40-42") || !strings.Contains(out.String(), "more than once 1: 77") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestSettingsOutOfRangeAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Protocol = "udp" }, `PROTOCOL="udp": expected`},
		{func(c *Config) { c.Address = "localhost" }, `ADDRESS="localhost": expected host:port`},
		{func(c *Config) { c.Protocol, c.Address = "http", "localhost:1" }, "expected a URL"},
		{func(c *Config) { c.Address = "localhost:" }, `ADDRESS="localhost:": expected host:port`},
		{func(c *Config) { c.Address = "localhost:65536" }, `ADDRESS="localhost:65536": expected host:port`},
		{func(c *Config) { c.Protocol, c.Address = "http", "http://localhost:99999/" }, "expected a URL"},
		{func(c *Config) { c.Size = 3 }, "SIZE=3: expected"},
		{func(c *Config) { c.Connections = 60_001 }, "CONNECTIONS=60001: expected 1 to 60000"},
		{func(c *Config) { c.PerRequest = 0 }, "RECORDS_PER_REQUEST=0: expected 1 to 10000"},
		{func(c *Config) { c.Rate = -1 }, "RATE=-1: expected 0, or 0.001 to 1e+09"},
		{func(c *Config) { c.Rate = 1e-12 }, "RATE=1e-12: expected"},
		{func(c *Config) { c.Rate = math.NaN() }, "RATE=NaN: expected"},
		{func(c *Config) { c.Rate = math.Inf(1) }, "RATE=+Inf: expected"},
		{func(c *Config) { c.Duration = -1 }, "DURATION=-1ns: expected 0 or more"},
		{func(c *Config) { c.VerifyWait = -time.Second }, "VERIFY_WAIT=-1s: expected 0 or more"},
		{func(c *Config) { c.Signed = math.NaN() }, "SIGNED_SHARE=NaN: expected 0 to 1"},
		{func(c *Config) { c.StartTime = "2500-01-01T00:00:00Z" }, "START_TIME="},
		{func(c *Config) { c.Corrupt = 2 }, "CORRUPT_SHARE=2: expected"},
		{func(c *Config) { c.Signed = 0.5 }, "SIGNER: expected"},
		{func(c *Config) { c.StartTime = "yesterday" }, "START_TIME="},
	} {
		cfg := Config{Protocol: "tcp", Connections: 1, PerRequest: 1, Size: 300, Distribution: "fixed"}
		c.change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// The next record is due in a quarter of an hour.
func TestARunEndsWithItsDurationThoughNothingIsDue(t *testing.T) {
	t.Parallel()
	cfg := settings(t, func(c *Config) {
		c.Address, c.Rate, c.Connections, c.Duration = "localhost:1", 0.001, 1, 10*time.Millisecond
	})
	g, err := New(cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := g.Run(ctx); err != nil || ctx.Err() != nil {
		t.Errorf("%v, %v", err, ctx.Err())
	}
}

func TestRangesNameEachNumber(t *testing.T) {
	t.Parallel()
	var odd []uint64
	for n := uint64(1); n < 24; n += 2 {
		odd = append(odd, n)
	}
	for want, numbers := range map[string][]uint64{
		"none":        nil,
		"0":           {0},
		"0-1, 3, 5-7": {0, 1, 3, 5, 6, 7},
		"1, 3, 5, 7, 9, 11, 13, 15, 17, 19,\n  21, 23": odd,
	} {
		if got := ranges(numbers); got != want {
			t.Errorf("%v: %q, want %q", numbers, got, want)
		}
	}
}

func TestAGeneratorStopsThoughItsReceiverIsStuck(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for protocol, address := range map[string]string{"tcp": l.Addr().String(), "http": "http://" + l.Addr().String() + "/"} {
		ctx, stop := context.WithCancel(t.Context())
		cfg := settings(t, func(c *Config) {
			c.Protocol, c.Address, c.Connections, c.Count = protocol, address, 1, 0
		})
		g, err := New(cfg, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		conn, err := l.Accept() // and read not a byte
		if err != nil {
			t.Fatal(err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", address, err)
		}
		conn.Close()
	}
}
