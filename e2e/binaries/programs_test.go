package binaries

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lagermeister/internal/freeport"
	"lagermeister/internal/loadgen"
	"lagermeister/sink/sinktest"
	"lagermeister/stats"
	"lagermeister/stream/streamtest"
)

// suite is every program with a process of its own, around one NATS server.
type suite struct {
	nats                 string
	tcp, http, dashboard string
	bulk, batches        *sinktest.Server
}

func launchSuite(t *testing.T) *suite {
	s := &suite{
		nats: streamtest.Server(t, streamtest.SyncAlways).ClientURL(),
		tcp:  freeport.Addr(), http: freeport.Addr(), dashboard: freeport.Addr(),
		bulk: sinktest.New(t), batches: sinktest.New(t),
	}
	_, port, _ := net.SplitHostPort(s.dashboard)
	launch(t, "stats_proxy", s.dashboard, "PROXY_NATS_URL="+s.nats, "PROXY_HTTP_PORT="+port)
	// A new group of http_subscriber begins with what comes after its start.
	s.launch(t, "http_subscriber", "SUB", "SUB_REMOTE_URL="+s.batches.URL, "SUB_BATCH_TIMEOUT=500ms")
	s.launch(t, "tcp_receiver", "TCPRCVR", "TCPRCVR_BIND_ADDRESS="+s.tcp)
	s.launch(t, "http_receiver", "RCVR", "RCVR_BIND_ADDRESS="+s.http)
	return s
}

func (s *suite) launch(t *testing.T, name, prefix string, env ...string) *process {
	t.Helper()
	admin := freeport.Addr()
	return launch(t, name, admin, append(env, prefix+"_NATS_URL="+s.nats, prefix+"_STATS_ADDRESS="+admin)...)
}

func (s *suite) launchBulk(t *testing.T) *process {
	t.Helper()
	p := s.launch(t, "es_subscriber", "ESSUB", "ESSUB_REMOTE_URL="+s.bulk.URL)
	hurry(t, s.nats, "lagermeister-test", "es_subscriber")
	return p
}

// watch waits until the dashboard has been shown events of all senders.
func (s *suite) watch(t *testing.T, senders ...string) {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+s.dashboard+"/messages", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	for len(senders) > 0 {
		var e stats.Event
		if err := conn.ReadJSON(&e); err != nil {
			t.Fatalf("no event came from %v: %v", senders, err)
		}
		senders = slices.DeleteFunc(senders, func(name string) bool { return name == e.Sender })
	}
}

func TestRecordsFlowThroughSeparateProgramsThoughOneIsKilled(t *testing.T) {
	t.Parallel()
	const overTCP, overHTTP = 30_000, 10_000
	s := launchSuite(t)
	out := s.launchBulk(t)
	tcp := generate(t, func(c *loadgen.Config) {
		c.Protocol, c.Address, c.Count, c.Rate = "tcp", s.tcp, overTCP, 10_000
	})
	http := generate(t, func(c *loadgen.Config) { c.Address, c.Count = "http://"+s.http+"/", overHTTP })
	for _, some := range []int{overTCP / 10, overTCP / 3} {
		s.bulk.Await(t, some)
		out.kill()
		out = s.launchBulk(t)
	}
	s.watch(t, stats.TCPReceiver, stats.HTTPReceiver, stats.HTTPOutput, stats.ESOutput)
	tcp.end(false)
	http.end(false)

	for name, far := range map[string]*sinktest.Server{"bulk": s.bulk, "batches": s.batches} {
		far.Await(t, overTCP+overHTTP)
		for id, entry := range far.Ledger() {
			if entry.Taken != 1 {
				t.Errorf("%s: %s was taken %d times", name, id, entry.Taken)
			}
		}
		if n := far.Len(); n != overTCP+overHTTP {
			t.Errorf("%s: %d records, expected %d", name, n, overTCP+overHTTP)
		}
	}
	if code := out.terminate(); code != 0 {
		t.Errorf("es_subscriber ended with %d", code)
	}
}
