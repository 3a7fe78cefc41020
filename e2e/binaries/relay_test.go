package binaries

import (
	"net"
	"strings"
	"testing"

	"lagermeister/internal/freeport"
	"lagermeister/internal/loadgen"
)

// relay are the settings of a local_relay on ports of its own.
type relay struct {
	dir                                      string
	tcp, http, dashboard, admin, store, nats string
	extra                                    []string // further variables
}

func newRelay(t *testing.T) *relay {
	return &relay{t.TempDir(), freeport.Addr(), freeport.Addr(), freeport.Addr(), freeport.Addr(), freeport.Addr(), freeport.Addr(), nil}
}

func (r *relay) env() []string {
	_, port, _ := net.SplitHostPort(r.dashboard)
	return append([]string{
		"RELAY_DATA_DIR=" + r.dir, "RELAY_NATS_ADDRESS=" + r.nats, "RELAY_STORE_ADDRESS=" + r.store, "RELAY_STATS_ADDRESS=" + r.admin,
		"TCPRCVR_BIND_ADDRESS=" + r.tcp, "RCVR_BIND_ADDRESS=" + r.http, "PROXY_HTTP_PORT=" + port,
	}, r.extra...)
}

func (r *relay) launch(t *testing.T) *process {
	t.Helper()
	p := launch(t, "local_relay", r.admin, r.env()...)
	hurry(t, "nats://"+r.nats, "lagermeister-test", "es_subscriber")
	return p
}

// load posts single records to the relay until it is ended.
func (r *relay) load(t *testing.T) *load {
	return generate(t, func(c *loadgen.Config) {
		c.Address = "http://" + r.http + "/"
		c.VerifyURL = "http://" + r.dashboard + "/api/v2/search"
	})
}

// busy waits until a process has stored n records.
func (p *process) busy(n float64) {
	p.t.Helper()
	eventually(p.t, "records are stored", func() bool { return p.metric("lagermeister_publisher_stored_records_total") >= n })
}

func TestARelayKilledUnderLoadHasEverythingItAcknowledged(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	p := r.launch(t)
	l := r.load(t)
	for range 3 {
		p.busy(3000)
		p.kill()
		p = r.launch(t)
	}
	p.busy(1000)
	l.end(true)
	l.verify()
}

func TestARelayAskedToStopUnderLoadStoresAllAndEndsWith0(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	p := r.launch(t)
	l := r.load(t)
	p.busy(3000)
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d, stderr\n%s", code, p.errors())
	}
	p = r.launch(t)
	p.busy(100)
	l.end(true)
	l.verify()
}

func TestABusyPortIsNamedInOneLine(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for name, take := range map[string]func(*relay, string){
		"TCP":          func(r *relay, addr string) { r.tcp = addr },
		"HTTP":         func(r *relay, addr string) { r.http = addr },
		"dashboard":    func(r *relay, addr string) { r.dashboard = addr },
		"admin":        func(r *relay, addr string) { r.admin = addr },
		"search store": func(r *relay, addr string) { r.store = addr },
		"NATS":         func(r *relay, addr string) { r.nats = addr },
	} {
		r := newRelay(t)
		take(r, busy.Addr().String())
		_, stderr, code := run(t, r.env(), "local_relay")
		t.Log(stderr)
		if lines := failures(stderr); code != 1 && code != 69 || len(lines) != 1 || !strings.Contains(lines[0], busy.Addr().String()) {
			t.Errorf("%s: exit %d, expected 1 and one line that names %v, in\n%s", name, code, busy.Addr(), stderr)
		}
	}
}

// failures are the lines of a log that tell of an error.
func failures(log string) (lines []string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "level=error") || strings.Contains(line, "level=fatal") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestASecondRelayOnTheSameDataIsRefusedAndHarmless(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	p := r.launch(t)
	l := r.load(t)
	p.busy(1000)
	for range 3 {
		second := newRelay(t)
		second.dir = r.dir
		_, stderr, code := run(t, second.env(), "local_relay")
		lines := failures(stderr)
		if code != 1 && code != 69 || len(lines) != 1 || !strings.Contains(lines[0], r.dir) || !strings.Contains(lines[0], "another process") {
			t.Errorf("exit %d, expected 1 and one line that names %s, in\n%s", code, r.dir, stderr)
		}
	}
	p.busy(5000)
	l.end(true)
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d of the first", code)
	}
	r.launch(t)
	l.verify()
}
