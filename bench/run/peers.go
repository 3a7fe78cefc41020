package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// missing is a system that cannot be measured here, and why.
type missing string

func (m missing) Error() string { return string(m) }

// peer makes a forwarder of somebody else run, from a file of bench/peers.
type peer struct {
	name    string
	program string
	plugin  string // a file without which it does not do what we need; glob
	install string
	args    func(conf, dir string) []string
}

var (
	rsyslog = peer{
		name: "rsyslog", program: "rsyslogd", plugin: "/usr/lib/*/rsyslog/omelasticsearch.so",
		install: "apt-get install rsyslog rsyslog-elasticsearch",
		args: func(conf, dir string) []string {
			return []string{"-n", "-f", conf, "-i", filepath.Join(dir, "pid")}
		},
	}
	syslogNG = peer{
		name: "syslog-ng", program: "syslog-ng", plugin: "/usr/lib/syslog-ng/*/libhttp.so",
		install: "apt-get install syslog-ng-core syslog-ng-mod-http",
		args: func(conf, dir string) []string {
			return []string{"-F", "-f", conf, "-R", filepath.Join(dir, "persist"), "-c", filepath.Join(dir, "control"),
				"-p", filepath.Join(dir, "pid"), "--no-caps"}
		},
	}
)

// start runs the peer between a free port and the sink.
func (p peer) start(l *lab) (*forwarder, error) {
	path, err := exec.LookPath(p.program)
	if found, _ := filepath.Glob(p.plugin); err != nil || len(found) == 0 {
		return nil, missing(p.name + " is not installed (" + p.install + ")")
	}
	template, err := os.ReadFile(filepath.Join("bench", "peers", p.name+".conf"))
	if err != nil {
		return nil, fmt.Errorf("start this in the folder of go.mod: %w", err)
	}
	address := freeAddress()
	_, port, _ := net.SplitHostPort(address)
	_, sinkPort, _ := net.SplitHostPort(l.sink.Addr())
	conf := filepath.Join(l.dir, p.name+".conf")
	text := strings.NewReplacer("@DIR@", l.dir, "@PORT@", port, "@SINK_PORT@", sinkPort).Replace(string(template))
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, err
	}
	running, err := start(l.dir, p.name, path, nil, p.args(conf, l.dir)...)
	if err != nil {
		return nil, err
	}
	return &forwarder{address: address, syslog: true, parts: []*process{running}}, running.listens(address)
}
