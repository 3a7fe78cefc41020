// Command ceiling measures the best that this machine and the broker can do, as
// the reference for our own programs: bare loops with nothing of ours in the way,
// and no promises.
//
//	ceiling pub -mode packed   publishes blocks of records; ours is a receiver with blocks
//	ceiling pub -mode lean     publishes a message for each; ours is PUBLISH_FORMAT=message
//	ceiling con                consumes a stream full of blocks; ours is a subscriber
//	ceiling raw                writes a plain file; ours is all that is stored
//	ceiling http               answers POST requests and stores nothing; ours is http_receiver
//	ceiling read               reads and scans Heka frames; ours is tcp_receiver
//
// Each takes --help. pub and con start a nats-server of their own, found by
// -nats-server, unless -url names one that runs; then -server-pid is the process
// whose CPU counts. http and read work until they get SIGTERM or SIGINT. End pub and
// con by these too: kill -9 leaves their server behind. Compare back to back only:
// the figures belong to the machine and its hour.
//
// What is measured goes to standard output as one line of JSON, everything else to
// standard error:
//
//	{"command":"pub","mode":"packed","size":300,"connections":1,"fsync":false,
//	 "records":4000000,"bytes":1200000000,"seconds":3.1,"cpu_s":{"client":0.6,"server":2.3}}
//
// size is that of a record, 0 where clients choose it; bytes are those of all
// records, without framing. For http and read, connections counts all there were,
// records is requests or frames, bytes are all that came, and seconds go from the
// first read to the last. cpu_s is user and system time: client is this process,
// where one of our programs would stand; server is the nats-server, 0 where there
// is none or -url came without -server-pid.
//
// Exit codes: 0, 1 when it could not measure, 64 for a wrong command line.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lagermeister/bench/sample"
	"lagermeister/heka"
	"lagermeister/internal/program"
)

// result is what a command has measured; the package comment describes it.
type result struct {
	Command     string  `json:"command"`
	Mode        string  `json:"mode,omitempty"`
	Size        int     `json:"size"`
	Connections int     `json:"connections"`
	Fsync       bool    `json:"fsync"`
	Records     int64   `json:"records"`
	Bytes       int64   `json:"bytes"`
	Seconds     float64 `json:"seconds"`
	CPU         cpu     `json:"cpu_s"`
}

type cpu struct {
	Client float64 `json:"client"`
	Server float64 `json:"server"`
}

var commands = map[string]func(context.Context, []string) (*result, error){
	"pub": pub, "con": con, "raw": raw, "http": serveHTTP, "read": serveTCP,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:]))
}

// run does one command and returns the exit code.
func run(ctx context.Context, args []string) int {
	if len(args) == 0 || commands[args[0]] == nil {
		fmt.Fprintln(os.Stderr, "usage: ceiling pub|con|raw|http|read [--help]; its package comment describes them")
		return program.ExitUsage
	}
	r, err := commands[args[0]](ctx, args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "ceiling:", err)
		return program.ExitUsage
	case err != nil:
		fmt.Fprintf(os.Stderr, "ceiling %s: %v\n", args[0], err)
		return program.ExitFailed
	}
	r.Command = args[0]
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		fmt.Fprintln(os.Stderr, "ceiling:", err)
		return program.ExitFailed
	}
	return 0
}

var errUsage = errors.New("wrong command line")

// flags is a set that reports to parse what is wrong.
func flags(command string) *flag.FlagSet {
	return flag.NewFlagSet("ceiling "+command, flag.ContinueOnError)
}

// parse reads the command line. flag prints what is wrong with it, and its usage.
func parse(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return fmt.Errorf("%s: %w", f.Name(), errUsage)
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%s: unexpected %q: %w", f.Name(), f.Arg(0), errUsage)
	}
	return nil
}

// load says what is written and for how long.
type load struct {
	size     int
	records  int64
	duration time.Duration
}

func (l *load) register(f *flag.FlagSet) {
	f.IntVar(&l.size, "size", 300, "size of a record, bytes, 200 to 65536")
	f.Int64Var(&l.records, "n", 0, "stop after `so many` records, rounded up; 0: after -duration")
	f.DurationVar(&l.duration, "duration", 3*time.Second, "how long to measure, without -n")
}

// meter runs from start to its end.
type meter struct {
	load
	began     time.Time
	pid       int // of the broker, 0 for none
	own, peer float64
}

// start takes the time and the CPU seconds used so far.
func (l load) start(pid int) (*meter, error) {
	m := &meter{load: l, pid: pid}
	var err error
	if m.own, m.peer, err = m.used(); err != nil {
		return nil, err
	}
	m.began = time.Now()
	return m, nil
}

// over tells whether enough was done with n records.
func (m *meter) over(n int64) bool {
	if m.records > 0 {
		return n >= m.records
	}
	return time.Since(m.began) >= m.duration
}

// stop is the result for n records.
func (m *meter) stop(n int64) (*result, error) {
	seconds := time.Since(m.began).Seconds()
	own, peer, err := m.used()
	if err != nil {
		return nil, err
	}
	return &result{
		Size: m.size, Connections: 1, Records: n, Bytes: n * int64(m.size), Seconds: seconds,
		CPU: cpu{Client: hundredths(own - m.own), Server: hundredths(peer - m.peer)},
	}, nil
}

func (m *meter) used() (own, peer float64, err error) {
	if own, err = cpuSeconds(os.Getpid()); err != nil || m.pid == 0 {
		return own, 0, err
	}
	peer, err = cpuSeconds(m.pid)
	return own, peer, err
}

// hundredths rounds to what cpuSeconds can tell.
func hundredths(seconds float64) float64 { return math.Round(100*seconds) / 100 }

// cpuSeconds is the user and system time of a process so far, in steps of 10 ms.
func cpuSeconds(pid int) (float64, error) {
	const ticks = 100 // a second, in all of Linux's /proc
	name := fmt.Sprintf("/proc/%d/stat", pid)
	stat, err := os.ReadFile(name)
	if err != nil {
		return 0, fmt.Errorf("CPU seconds of process %d: %w", pid, err)
	}
	behind := strings.LastIndexByte(string(stat), ')') + 1 // the program's name may hold anything
	fields := strings.Fields(string(stat[behind:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("CPU seconds of process %d: %s says %q", pid, name, stat)
	}
	user, err1 := strconv.ParseUint(fields[11], 10, 64)
	system, err2 := strconv.ParseUint(fields[12], 10, 64)
	return float64(user+system) / ticks, errors.Join(err1, err2)
}

// pool makes 512 different records, bodies of size bytes.
func pool(size int) ([][]byte, error) {
	if size < 200 || size > heka.DefaultMaxMessage {
		return nil, fmt.Errorf("-size %d: %w", size, errUsage)
	}
	return sample.Bodies(512, size), nil
}
