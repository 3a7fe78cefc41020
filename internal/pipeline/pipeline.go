// Package pipeline wires every stage into one process, in the order the records
// flow: receivers, publisher, embedded NATS server, subscriber, search store,
// dashboard. local_relay is a shell around it, and end-to-end tests run it too.
//
// New listens and connects; when it returns, each part can be reached. Run works
// until its context ends and then stops the parts in the order of the flow, so
// that each hands on what it has: receivers drain into the publisher, the
// publisher finishes its window, the subscriber flushes and settles, and last
// the stores close. What the sink has not taken by then stays in the stream.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/nats-io/nats.go"
	group "github.com/oklog/run"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/dashboard"
	"lagermeister/dashboard/live"
	"lagermeister/internal/dirlock"
	"lagermeister/internal/natsserver"
	"lagermeister/internal/program"
	"lagermeister/ledger"
	"lagermeister/publisher"
	"lagermeister/receiver"
	"lagermeister/stats"
	"lagermeister/stream"
	"lagermeister/subscriber"
)

// Pipeline is the whole suite in one process. New makes it, Run makes it work.
type Pipeline struct {
	settings *Settings
	given    []dashboard.Setting // settings, before New fills in what follows from them
	program  *program.Program
	log      logrus.FieldLogger

	nats      *natsserver.Server
	conn      *nats.Conn
	publisher *publisher.Publisher
	tcp       *receiver.TCP
	http      *receiver.HTTP
	admin     *program.Admin
	dashboard *dashboard.Server
	book      *ledger.Book
	live      *live.Hub
	reporter  *stats.Reporter
	store     *store // nil when records go elsewhere
	out       *subscriber.Subscriber
	hub       *hub // nil without RELAY_HUB_URL

	opened []func() // what New has opened, to be closed in reverse
}

// Addrs are where the parts listen.
type Addrs struct {
	TCP, HTTP, Dashboard, Admin, Store net.Addr // Store is nil when records go elsewhere
	NATS                               string
}

// New opens the stores and all listeners. The subscriber's group exists before a
// receiver listens, so the first record is the group's already.
func New(ctx context.Context, p *program.Program, s *Settings) (*Pipeline, error) {
	pl := &Pipeline{settings: s, given: s.effective(), program: p, log: p.Log}
	for _, open := range []func(context.Context) error{
		pl.lockData, pl.openBroker, pl.openStore, pl.openSubscriber, pl.openHub, pl.openPublisher, pl.openReceivers, pl.openDashboard,
	} {
		if err := open(ctx); err != nil {
			pl.close()
			return nil, err
		}
	}
	return pl, nil
}

// part is the registry of one part: parts that exist twice differ by its label.
func (pl *Pipeline) part(name string) prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"part": name}, pl.program.Registry)
}

func (pl *Pipeline) closing(close func()) { pl.opened = append(pl.opened, close) }

func (pl *Pipeline) close() {
	for i := len(pl.opened) - 1; i >= 0; i-- {
		pl.opened[i]()
	}
}

// lockData keeps a second relay from the data: a NATS server on the files of
// another would damage them.
func (pl *Pipeline) lockData(context.Context) error {
	dir := pl.settings.Relay.DataDir
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	lock, err := dirlock.Lock(dir)
	if err != nil {
		return err
	}
	pl.closing(func() { lock.Close() })
	return nil
}

func (pl *Pipeline) openBroker(ctx context.Context) (err error) {
	s := pl.settings
	if pl.nats, err = natsserver.Start(natsserver.Config{
		StoreDir: s.natsDir(), Addr: s.Relay.NATSAddress, SyncAlways: true, Log: pl.log,
	}); err != nil {
		return err
	}
	pl.closing(pl.nats.Shutdown)
	pl.warnIfOpen("RELAY_NATS_ADDRESS", s.Relay.NATSAddress, "read, write and remove everything the streams hold")
	room, err := natsserver.Room(s.natsDir())
	if err != nil {
		return err
	}
	s.Stream.Embed(room)
	if pl.conn, err = stream.Dial(ctx, stream.DialConfig{NATSURL: pl.nats.ClientURL()}, pl.program.Name, pl.log, pl.nats.InProcess()); err != nil {
		return err
	}
	pl.closing(pl.conn.Close)
	pl.reporter = pl.program.Reporter(pl.conn)
	return nil
}

// warnIfOpen tells of a port without a login that others than this machine reach.
func (pl *Pipeline) warnIfOpen(setting, address, what string) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		pl.log.WithField("address", address).Warnf("%s: whoever reaches this port may %s; let nobody but this machine or a guarded network reach it", setting, what)
	}
}

func (pl *Pipeline) openPublisher(ctx context.Context) (err error) {
	pl.publisher, err = publisher.Open(ctx, pl.conn, pl.settings.Publisher, pl.settings.Stream.Config, pl.log, pl.part("publisher"))
	if err != nil {
		return err
	}
	pl.program.Check(pl.publisher.NotReady)
	pl.closing(func() { pl.publisher.Close(context.Background()) }) // after Run it has nothing left
	return nil
}

func (pl *Pipeline) openReceivers(context.Context) (err error) {
	s := pl.settings
	if pl.tcp, err = receiver.NewTCP(s.TCP, pl.publisher, pl.log, pl.part("tcp_receiver"), pl.reporter); err != nil {
		return err
	}
	pl.closing(func() { _ = pl.tcp.Shutdown(0) })
	if pl.http, err = receiver.NewHTTP(s.HTTP, pl.publisher, pl.log, pl.part("http_receiver"), pl.reporter); err != nil {
		return err
	}
	pl.closing(func() { _ = pl.http.Shutdown(0) })
	if pl.admin, err = program.NewAdmin(s.Relay.StatsAddress, pl.program.Registry, pl.program.NotReady, pl.notes); err != nil {
		return err
	}
	pl.closing(pl.admin.Shutdown)
	pl.program.Check(pl.tcp.NotReady)
	pl.program.Check(pl.http.NotReady)
	return nil
}

// notes say how delivery goes, for /ready.
func (pl *Pipeline) notes() []string {
	notes := pl.out.Notes()
	if pl.hub != nil {
		notes = append(notes, pl.hub.out.Notes()...)
	}
	return notes
}

// Addrs tells where the parts listen.
func (pl *Pipeline) Addrs() Addrs {
	a := Addrs{
		TCP: pl.tcp.Addr(), HTTP: pl.http.Addr(), Dashboard: pl.dashboard.Addr(), Admin: pl.admin.Addr(),
		NATS: pl.nats.ClientURL(),
	}
	if pl.store != nil {
		a.Store = pl.store.listener.Addr()
	}
	return a
}

// Run works until ctx ends. Its error carries exit code 75 when records were
// accepted and could not be stored in time.
func (pl *Pipeline) Run(ctx context.Context) error {
	defer pl.close()
	var g group.Group
	var left error
	g.Add(group.ContextHandler(ctx))
	g.Add(pl.tcp.Serve, func(error) { left = pl.drain() })
	g.Add(pl.http.Serve, func(error) {}) // drained together with TCP
	until(&g, pl.out.Run)
	if pl.hub != nil {
		until(&g, pl.hub.run)
	}
	until(&g, pl.book.Run)
	until(&g, pl.live.Run)
	until(&g, pl.reporter.Run)
	g.Add(pl.dashboard.Serve, func(error) { pl.dashboard.Shutdown() })
	g.Add(pl.admin.Serve, func(error) { pl.admin.Shutdown() })
	if pl.store != nil {
		g.Add(pl.store.serve, func(error) { pl.store.shutdown() })
	}
	err := g.Run()
	if errors.Is(err, context.Canceled) {
		err = nil // asked to stop
	}
	return errors.Join(err, left)
}

// until runs a part that ends with its context. Interrupting it waits until it
// has ended, so the parts behind it are still there while it winds up.
func until(g *group.Group, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	g.Add(func() error {
		defer close(done)
		return run(ctx)
	}, func(error) {
		cancel()
		<-done
	})
}

// drain ends intake, then has the publisher finish its window, all within
// RELAY_DRAIN_TIMEOUT. The error tells what is left.
func (pl *Pipeline) drain() error {
	timeout := pl.settings.Publisher.DrainTimeout
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	unfinished := make(chan error, 1)
	go func() { unfinished <- pl.http.Shutdown(timeout) }()
	err := errors.Join(pl.tcp.Shutdown(timeout), <-unfinished)
	left := pl.publisher.Close(ctx)
	return errors.Join(
		program.Exit(program.ExitIncomplete, err),
		program.Incomplete(left, "accepted and not stored"),
	)
}
