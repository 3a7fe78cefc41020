package loadgen

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The benchmarks send to a process of its own, so that the CPU time of this one
// is the generator's alone.
func TestMain(m *testing.M) {
	if os.Getenv("LOADGEN_DISCARD") != "" {
		discard()
		return
	}
	os.Exit(m.Run())
}

// discard takes connections and throws away what they bring, over TCP and HTTP,
// until standard input ends. It prints the two addresses.
func discard() {
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(raw.Addr(), web.Addr())
	go func() {
		for {
			conn, err := raw.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, make([]byte, 256<<10))
			}()
		}
	}()
	go func() {
		_ = http.Serve(web, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// BenchmarkSend sends one record an iteration as fast as they are taken, and
// reports this process's CPU seconds, user and system, for a million.
func BenchmarkSend(b *testing.B) {
	sink := exec.Command(os.Args[0])
	sink.Env = append(os.Environ(), "LOADGEN_DISCARD=1")
	sink.Stderr = os.Stderr
	until, err := sink.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := sink.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := sink.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { until.Close(); _ = sink.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	addresses := strings.Fields(line)
	for _, c := range []Config{
		{Protocol: "tcp", Address: addresses[0], Size: 300, Connections: 1},
		{Protocol: "tcp", Address: addresses[0], Size: 300, Connections: 50},
		{Protocol: "tcp", Address: addresses[0], Size: 3000, Connections: 1},
		{Protocol: "tcp", Address: addresses[0], Size: 3000, Connections: 50},
		{Protocol: "http", Address: "http://" + addresses[1] + "/", Size: 300, Connections: 50},
	} {
		b.Run(fmt.Sprintf("%s/size=%d/connections=%d", c.Protocol, c.Size, c.Connections), func(b *testing.B) {
			c.Count, c.Seed, c.PerRequest, c.Distribution = uint64(b.N), 7, 1, "fixed"
			g, err := New(c, io.Discard)
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			before, began := cpu(b), time.Now()
			if err := g.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "records/s")
			b.ReportMetric((cpu(b)-before).Seconds()/float64(b.N)*1e6, "cpu-s/M")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// cpu is what this process has used, user and system.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
