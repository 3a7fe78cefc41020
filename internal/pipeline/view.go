package pipeline

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/dashboard"
	"lagermeister/dashboard/live"
	"lagermeister/dashboard/view"
	"lagermeister/deadletter"
	"lagermeister/internal/program"
	"lagermeister/ledger"
	"lagermeister/search"
	"lagermeister/stats"
)

// openDashboard shows the events of this process and of all others on its NATS
// server and the balance of their groups, and searches where the records go.
func (pl *Pipeline) openDashboard(context.Context) (err error) {
	js, err := jetstream.New(pl.conn)
	if err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	pl.book = ledger.NewBook(js, pl.log, pl.part("ledger"))
	look := view.New(pl.conn, js)
	pl.live = live.New(look.Sources(pl.book, pl.program.NotReady), pl.log, pl.part("dashboard"))
	hub := stats.NewHub()
	pl.closing(hub.Close)
	if _, err := pl.conn.Subscribe(stats.DefaultSubject, func(m *nats.Msg) {
		pl.live.Add(m.Data)
		hub.Publish(m.Data)
	}); err != nil {
		return fmt.Errorf("subscribe to %s: %w", stats.DefaultSubject, err)
	}
	store, err := pl.searchIn()
	if err != nil {
		return err
	}
	if pl.dashboard, err = dashboard.New(pl.settings.Dashboard, hub, store, pl.log); err != nil {
		return err
	}
	pl.closing(pl.dashboard.Shutdown)
	pl.dashboard.SetLedger(pl.book)
	pl.dashboard.SetLive(pl.live)
	pl.dashboard.SetConsumers(look)
	pl.dashboard.SetPauser(look.Pauser(pl.log))
	pl.dashboard.SetDeadLetters(deadletter.NewAPI(js, pl.log))
	pl.dashboard.Handle(search.MessagePath, search.MessageHandler(store, look))
	pl.dashboard.Check(pl.program.NotReady)
	pl.dashboard.SetAbout(dashboard.About{Version: program.Version(), Subject: stats.DefaultSubject})
	pl.dashboard.SetSettings(pl.program.Name, pl.given)
	return nil
}

// searchIn is the store that the records go to.
func (pl *Pipeline) searchIn() (search.Store, error) {
	if pl.store != nil {
		return pl.store.Store, nil
	}
	bulk, encode := &pl.settings.Bulk, &pl.settings.Encode
	client, err := bulk.Plain()
	if err != nil {
		return nil, err
	}
	return search.NewElastic(search.ElasticConfig{
		URLs: bulk.RemoteURL, Index: bulk.Pattern(), Client: client, Mask: bulk.Mask,
		Restricted: len(encode.Fields)+len(encode.DynamicFields) > 0,
	})
}
