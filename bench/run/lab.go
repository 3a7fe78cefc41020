package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"lagermeister/bench/count"
)

// lab is where runs happen: the programs, a folder for what they keep, and the
// sink. One run at a time.
type lab struct {
	ctx     context.Context
	bin     string // folder with the programs, nats-server and ceiling
	dir     string // folder of everything that a run leaves behind
	sink    *count.Sink
	seconds time.Duration // how long a run sends
	long    bool
	row     string // what is being measured
	runs    uint32 // how many there were: the id of the run in each record
	built   map[string]bool

	profiles string // folder for CPU profiles; empty: none are taken
}

// newLab starts the sink. Programs are built when they are first needed.
func newLab(ctx context.Context, o options) (*lab, error) {
	dir, err := os.MkdirTemp("", "lagermeister-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{
		ctx: ctx, bin: filepath.Join(dir, "bin"), dir: filepath.Join(dir, "data"), seconds: o.seconds, long: o.long,
		built: map[string]bool{}, profiles: o.profiles,
	}
	if l.sink, err = count.NewSink(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// binary is the path of a program, built from the package in the tree below the
// current folder, or from a module of go.mod.
func (l *lab) binary(pkg string) (path string, err error) {
	path = filepath.Join(l.bin, filepath.Base(pkg))
	if pkg == natsServer {
		path = filepath.Join(l.bin, "nats-server")
	}
	if l.built[pkg] {
		return path, nil
	}
	if said, err := exec.CommandContext(l.ctx, "go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s (start this in the folder of go.mod): %w\n%s", pkg, err, said)
	}
	l.built[pkg] = true
	return path, nil
}

const natsServer = "github.com/nats-io/nats-server/v2"

// close removes everything.
func (l *lab) close() {
	if l.sink != nil {
		l.sink.Close()
	}
	os.RemoveAll(filepath.Dir(l.bin))
}

// clear empties the folder for the next run.
func (l *lab) clear() error {
	if err := os.RemoveAll(l.dir); err != nil {
		return err
	}
	return os.MkdirAll(l.dir, 0o755)
}

// tally is a new run's, which the sink counts for from now on.
func (l *lab) tally(latencies bool) (run uint32, t *count.Tally) {
	l.runs++
	return l.runs, l.expect(l.runs, latencies)
}

// expect makes the sink count for a run.
func (l *lab) expect(run uint32, latencies bool) *count.Tally {
	t := count.NewTally(run, latencies)
	l.sink.Expect(t)
	return t
}

// admin is the environment of a program's admin port, for a prefix, and its URL.
func admin(prefix string) (env, url string) {
	address := freeAddress()
	return prefix + "_STATS_ADDRESS=" + address, "http://" + address
}

// fsync is when the broker calls it.
type fsync bool

const (
	fsyncAlways  fsync = true  // before each acknowledgement
	fsyncDefault fsync = false // every two minutes
)

// broker starts a NATS server with JetStream.
func (l *lab) broker(sync fsync) (p *process, url string, err error) {
	path, err := l.binary(natsServer)
	if err != nil {
		return nil, "", err
	}
	address := freeAddress()
	conf, profiles := fmt.Sprintf("listen: %q\n", address), ""
	if l.profiles != "" {
		host := freeAddress()
		_, port, _ := net.SplitHostPort(host)
		conf, profiles = conf+"prof_port: "+port+"\n", "http://"+host
	}
	conf += fmt.Sprintf("jetstream { store_dir: %q", filepath.Join(l.dir, "nats"))
	if sync {
		conf += ", sync_interval: always"
	}
	file := filepath.Join(l.dir, "nats.conf")
	if err := os.WriteFile(file, []byte(conf+" }\n"), 0o644); err != nil {
		return nil, "", err
	}
	if p, err = start(l.dir, "nats-server", path, nil, "-c", file); err != nil {
		return nil, "", err
	}
	p.admin = profiles
	return p, "nats://" + address, p.listens(address)
}

// program starts one of ours and waits until it is ready.
func (l *lab) program(name, prefix string, env ...string) (*process, error) {
	path, err := l.binary("./" + name)
	if err != nil {
		return nil, err
	}
	own, url := admin(prefix)
	p, err := start(l.dir, name, path, append(env, own))
	if err != nil {
		return nil, err
	}
	p.admin = url
	return p, p.ready()
}
