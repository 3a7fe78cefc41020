// Command stats_proxy shows what the other programs report: live figures in the
// browser, the original's /messages and /config, and search in Elasticsearch. It
// folds the settlements of all groups and keeps the balance of each.
// Run it with --help for its settings.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	group "github.com/oklog/run"
	"github.com/prometheus/client_golang/prometheus"

	"lagermeister/dashboard"
	"lagermeister/dashboard/live"
	"lagermeister/dashboard/view"
	"lagermeister/deadletter"
	"lagermeister/internal/program"
	"lagermeister/ledger"
	"lagermeister/search"
	"lagermeister/sink/httpclient"
	"lagermeister/stats"
	"lagermeister/stream"
)

// own are the settings of the program itself.
type own struct {
	program.Log
	Subject string `envconfig:"SUB_CHANNEL" default:"stats-events" original:"true" desc:"NATS subject of the events"`
}

// remote says where to search.
type remote struct {
	URL        []string `envconfig:"REMOTE_URL" url:"true" desc:"URLs of the nodes of the Elasticsearch or OpenSearch to search in; empty: there is no search"`
	Index      string   `envconfig:"REMOTE_INDEX" default:"lagermeister-*" desc:"indices to search in, names or patterns, comma-separated"`
	Restricted bool     `envconfig:"REMOTE_RESTRICTED" default:"false" desc:"true: documents lack fields of their messages, since ESSUB_FIELDS or ESSUB_DYNAMIC_FIELDS is set"`

	httpclient.Config
}

// Validate refuses URLs that cannot be asked.
func (r *remote) Validate() error {
	if len(r.URL) == 0 {
		return nil
	}
	_, err := httpclient.ParseURLs("REMOTE_URL", r.URL)
	return err
}

// store returns where to search, nil when that is nowhere.
func (r *remote) store() (search.Store, error) {
	if len(r.URL) == 0 {
		return nil, nil
	}
	client, err := r.Plain()
	if err != nil {
		return nil, err
	}
	return search.NewElastic(search.ElasticConfig{URLs: r.URL, Index: r.Index, Client: client, Mask: r.Mask, Restricted: r.Restricted})
}

// settings are read from variables with the prefix PROXY, whichever part they
// belong to.
type settings struct {
	program   own
	dashboard dashboard.Config
	remote    remote
	nats      stream.DialConfig
}

func (s *settings) parts() (parts []program.Part) {
	for _, part := range []any{&s.program, &s.dashboard, &s.remote, &s.nats} {
		parts = append(parts, program.Part{Prefix: "PROXY", Config: part})
	}
	return parts
}

// effective is what the page may show of the settings.
func (s *settings) effective() (list []dashboard.Setting) {
	for _, e := range program.EffectiveOf(s.parts(), new(settings).parts()) {
		list = append(list, dashboard.Setting(e))
	}
	return list
}

func main() {
	var s settings
	program.Main("stats_proxy", &s.program.Log, func(ctx context.Context, p *program.Program) error {
		return run(ctx, p, &s)
	}, s.parts()...)
}

// run wires the parts together: NATS subject, hub, ledger, dashboard.
func run(ctx context.Context, p *program.Program, s *settings) error {
	store, err := s.remote.store()
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	nc, err := stream.Dial(ctx, s.nats, p.Name, p.Log)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	hub := stats.NewHub()
	defer hub.Close()
	book := ledger.NewBook(js, p.Log, p.Registry)
	look := view.New(nc, js)
	moving := live.New(look.Sources(book, p.NotReady), p.Log, p.Registry)
	server, err := dashboard.New(s.dashboard, hub, store, p.Log)
	if err != nil {
		return err
	}
	defer server.Shutdown()
	if _, err := nc.Subscribe(s.program.Subject, func(m *nats.Msg) {
		moving.Add(m.Data)
		hub.Publish(m.Data)
	}); err != nil {
		return fmt.Errorf("subscribe to %s: %w", s.program.Subject, err)
	}
	_ = nc.FlushTimeout(5 * time.Second) // what is published from now on is seen; should the server be gone, reconnecting subscribes
	p.Check(func() []string {
		if !nc.IsConnected() {
			return []string{"not connected to NATS, what is shown is not current"}
		}
		return nil
	})
	server.SetLedger(book)
	server.SetLive(moving)
	server.SetConsumers(look)
	server.SetPauser(look.Pauser(p.Log))
	server.SetDeadLetters(deadletter.NewAPI(js, p.Log))
	server.Handle(search.MessagePath, search.MessageHandler(store, look))
	server.Check(p.NotReady)
	server.SetAbout(dashboard.About{Version: program.Version(), Subject: s.program.Subject})
	server.SetSettings(p.Name, s.effective())
	watch(p.Registry, hub)
	admin(server, p)

	p.Log.WithField("address", server.Addr()).WithField("subject", s.program.Subject).Info("showing live events")
	p.Ready(fmt.Sprintf("dashboard on %v", server.Addr()))
	var g group.Group
	g.Add(group.ContextHandler(ctx))
	g.Add(server.Serve, func(error) { server.Shutdown() })
	for _, work := range []func(context.Context) error{book.Run, moving.Run} {
		ctx, stop := context.WithCancel(ctx)
		g.Add(func() error { return work(ctx) }, func(error) { stop() })
	}
	if err := g.Run(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// admin adds what monitors ask for to the dashboard's port: whether the process
// lives may be asked without a token, figures not.
func admin(server *dashboard.Server, p *program.Program) {
	mux := http.NewServeMux()
	program.AdminRoutes(mux, p.Registry, p.NotReady)
	server.HandlePublic("/health", "/health", mux)
	server.HandlePublic("/ready", "/ready", mux)
	server.Handle("/metrics", mux)
	server.Handle("/version", mux)
}

func watch(reg prometheus.Registerer, hub *stats.Hub) {
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "lagermeister_dashboard_viewers", Help: "Open live views."},
			func() float64 { open, _ := hub.Viewers(); return float64(open) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "lagermeister_dashboard_viewers_cut_total", Help: "Live views cut off because they were too slow."},
			func() float64 { _, cut := hub.Viewers(); return float64(cut) }),
	)
}
