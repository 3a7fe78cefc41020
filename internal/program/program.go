package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/sirupsen/logrus"
)

// Program is what a main's run function works with.
type Program struct {
	Name     string
	Log      logrus.FieldLogger
	Registry *prometheus.Registry

	ctx     context.Context // ends with the first signal
	started time.Time
	mu      sync.Mutex
	checks  []func() []string
}

// Main reads the settings into parts, runs run until it returns or a signal ends
// its context, and exits with the code of its error (see the Exit constants). A
// second signal ends the process at once. logging is the Log struct embedded in
// one of the parts.
func Main(name string, logging *Log, run func(context.Context, *Program) error, parts ...Part) {
	notes, err := Configure(name, os.Args[1:], os.Stdout, parts...)
	if errors.Is(err, ErrDone) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(exitCode(err))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)

	p := New(ctx, name, Logger(logging.LoggingLevel, os.Stderr))
	for _, note := range notes {
		p.Log.Info(note)
	}
	background, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { watchdog(background) })
	context.AfterFunc(ctx, func() { notify("STOPPING=1") })

	err = run(ctx, p)
	cancel()
	wait.Wait()
	if err != nil && !(errors.Is(err, context.Canceled) && ctx.Err() != nil) {
		p.Log.WithError(err).Error("stopped")
		os.Exit(exitCode(err))
	}
	p.Log.Info("stopped")
}

// New is the Program of Main for those who bring their own context and log:
// tests, and programs that run inside another.
func New(ctx context.Context, name string, log logrus.FieldLogger) *Program {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	p := &Program{Name: name, Log: log, Registry: registry, ctx: ctx, started: time.Now()}
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "lagermeister_ready",
		Help: "1 when /ready answers 200, else 0.",
	}, func() float64 {
		if len(p.NotReady()) > 0 {
			return 0
		}
		return 1
	}))
	return p
}

// Check adds the reasons that check gives to those of /ready. check may be
// called from several goroutines.
func (p *Program) Check(check func() []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checks = append(p.checks, check)
}

// NotReady lists why this program should not be given work: "draining" after the
// first signal, and whatever its checks say.
func (p *Program) NotReady() []string {
	var reasons []string
	if p.ctx.Err() != nil {
		reasons = append(reasons, "draining")
	}
	p.mu.Lock()
	checks := slices.Clone(p.checks)
	p.mu.Unlock()
	for _, check := range checks {
		reasons = append(reasons, check()...)
	}
	return reasons
}

// Ready tells systemd that the program does its work now; status is one line
// for `systemctl status`.
func (p *Program) Ready(status string) {
	notify("READY=1\nSTATUS=" + status)
}
