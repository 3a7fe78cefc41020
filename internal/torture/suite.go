package torture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lagermeister/heka"
	"lagermeister/internal/freeport"
)

// mainStream is the stream of the default subject. It is small, so that it can be
// filled; large where that is not to be seen.
const (
	mainStream  = "lagermeister-test"
	smallStream = 24 << 20
	largeStream = 1 << 30
)

// suite is every program with a process of its own, its connections through links
// that can be hurt, and the sinks.
type suite struct {
	*cluster
	bulk, batch *farEnd
	programs    map[string]*process // by the schedule's name
	links       map[string][]*link  // by toNATS and toSink
	tcp, http   []string            // addresses of the receivers
}

// newSuite starts everything and waits until it is ready. What it returns must be
// closed, with an error too.
func newSuite(ctx context.Context, bin, dir string, o *oracle, indexDate string, streamBytes int) (*suite, error) {
	s := &suite{programs: map[string]*process{}, links: map[string][]*link{}}
	var err error
	if s.cluster, err = newCluster(ctx, bin, dir, o); err != nil {
		return s, err
	}
	if s.bulk, err = newFarEnd(bulkSink, o); err != nil {
		return s, err
	}
	if s.batch, err = newFarEnd(batchSink, o); err != nil {
		return s, err
	}
	b := builder{s, bin, dir, o, streamBytes}
	index := "torture-%{" + indexDate + "}"
	// Subscribers first: a new group must exist before the first record.
	for _, name := range []string{"es1", "es2"} {
		err = errors.Join(err, b.add(name, "es_subscriber", "ESSUB", s.bulk, "ESSUB_INDEX="+index))
	}
	for _, name := range []string{"batch1", "batch2"} {
		err = errors.Join(err, b.add(name, "http_subscriber", "SUB", s.batch, "SUB_DELIVER_ALL=true", "SUB_BATCH_TIMEOUT=500ms"))
	}
	for _, name := range []string{"tcp1", "tcp2"} {
		s.tcp = append(s.tcp, freeport.Addr())
		err = errors.Join(err, b.add(name, "tcp_receiver", "TCPRCVR", nil, "TCPRCVR_BIND_ADDRESS="+s.tcp[len(s.tcp)-1]))
	}
	for _, name := range []string{"http1", "http2"} {
		s.http = append(s.http, freeport.Addr())
		err = errors.Join(err, b.add(name, "http_receiver", "RCVR", nil, "RCVR_BIND_ADDRESS="+s.http[len(s.http)-1]))
	}
	if err = errors.Join(err, b.add("proxy", "stats_proxy", "PROXY", nil)); err != nil {
		return s, err
	}
	for _, name := range []string{"es1", "batch1", "es2", "batch2", "tcp1", "tcp2", "http1", "http2", "proxy"} {
		if err := s.programs[name].start(); err != nil {
			return s, err
		}
		if _, err := s.programs[name].ready(ctx); err != nil {
			return s, err
		}
	}
	return s, nil
}

// builder adds programs to a suite.
type builder struct {
	*suite
	bin, dir    string
	oracle      *oracle
	streamBytes int
}

func (b *builder) add(name, binary, prefix string, sink *farEnd, env ...string) error {
	var urls []string
	for _, node := range b.addrs {
		k, err := newLink(node)
		if err != nil {
			return err
		}
		b.links[toNATS(name)] = append(b.links[toNATS(name)], k)
		urls = append(urls, "nats://"+k.addr())
	}
	if sink != nil {
		k, err := newLink(sink.addr())
		if err != nil {
			return err
		}
		b.links[toSink(name)] = []*link{k}
		env = append(env, prefix+"_REMOTE_URL=http://"+k.addr()+"/", prefix+"_REMOTE_TIMEOUT=5s")
	}
	admin := freeport.Addr()
	if prefix == "PROXY" {
		_, port, _ := net.SplitHostPort(admin)
		env = append(env, "PROXY_HTTP_PORT="+port)
	} else {
		env = append(env, prefix+"_STATS_ADDRESS="+admin, prefix+"_STREAM_REPLICAS=3", prefix+"_STREAM_MAX_BYTES="+fmt.Sprint(b.streamBytes))
	}
	b.programs[name] = &process{
		name: name, path: filepath.Join(b.bin, binary), log: filepath.Join(b.dir, name+".log"),
		env:   append(env, prefix+"_NATS_URL="+strings.Join(urls, ",")),
		admin: admin, health: "http://" + admin + "/ready", oracle: b.oracle,
	}
	return nil
}

// all are the processes in a fixed order: nodes, then programs.
func (s *suite) all() []*process {
	list := append([]*process(nil), s.nodes...)
	for _, name := range programNames {
		if p := s.programs[name]; p != nil {
			list = append(list, p)
		}
	}
	return list
}

// stop ends the programs along the flow, and wants each to end cleanly.
func (s *suite) stop(o *oracle) {
	for _, name := range []string{"tcp1", "tcp2", "http1", "http2", "es1", "es2", "batch1", "batch2", "proxy"} {
		if code := s.programs[name].terminate(); code != 0 {
			o.complain("at the end every program stops with code 0", "%s: %d", name, code)
		}
	}
}

// close ends whatever runs.
func (s *suite) close() {
	for _, p := range s.programs {
		if p.cmd != nil {
			p.kill()
		}
	}
	for _, group := range s.links {
		for _, k := range group {
			k.close()
		}
	}
	for _, far := range []*farEnd{s.bulk, s.batch} {
		if far != nil {
			far.close()
		}
	}
	if s.cluster != nil {
		s.cluster.close()
	}
}

// panics looks for what no log may hold.
func (s *suite) panics(o *oracle) {
	for _, p := range s.all() {
		log, err := os.ReadFile(p.log)
		if err != nil {
			o.complain("every log can be read", "%v", err)
		}
		for line := range strings.Lines(string(log)) {
			if strings.Contains(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.Contains(line, "DATA RACE") {
				o.complain("no process panics", "%s: %.200s", p.log, strings.TrimSpace(line))
			}
		}
	}
}

// payloadOf is the payload of the one frame in b, empty when there is none.
func payloadOf(b []byte) string {
	var scanner heka.Scanner
	var m heka.Message
	scanner.MaxMessage = heka.DefaultMaxMessage
	f, _, _ := scanner.Next(b)
	if f.Raw == nil || m.Parse(f.Body) != nil {
		return ""
	}
	return string(m.Payload)
}

// within polls until ok or the time is over.
func within(ctx context.Context, limit time.Duration, ok func() bool) bool {
	for end := time.Now().Add(limit); !ok(); {
		if time.Now().After(end) || pause(ctx, 200*time.Millisecond) != nil {
			return false
		}
	}
	return true
}
