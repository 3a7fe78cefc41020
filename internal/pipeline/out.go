package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"lagermeister/heka/encode"
	"lagermeister/internal/httpserver"
	"lagermeister/internal/searchstore"
	"lagermeister/sink/bulk"
	"lagermeister/subscriber"
)

// storeLimits leave our own sink's posts their time, see REMOTE_TIMEOUT.
var storeLimits = httpserver.Limits{Connections: 256, Read: time.Minute, Write: 2 * time.Minute}

// store is the embedded search store with the port it takes _bulk requests on.
type store struct {
	*searchstore.Store
	listener net.Listener
	server   *http.Server
}

func (pl *Pipeline) openStore(context.Context) error {
	s := pl.settings
	if !s.toOwnStore() {
		return nil
	}
	s.Store.Dir = s.storeDir()
	files, err := searchstore.Open(s.Store, pl.log)
	if err != nil {
		return err
	}
	pl.closing(func() {
		if err := files.Close(); err != nil {
			pl.log.WithError(err).Error("close the search store")
		}
	})
	listener, err := net.Listen("tcp", s.Relay.StoreAddress)
	if err != nil {
		return fmt.Errorf("listen for the search store: %w", err)
	}
	pl.warnIfOpen("RELAY_STORE_ADDRESS", s.Relay.StoreAddress, "store records that nobody sent")
	pl.store = &store{files, listener, httpserver.New(files.Handler(), storeLimits)}
	pl.closing(func() { pl.store.server.Close(); listener.Close() })
	s.Bulk.RemoteURL = []string{"http://" + listener.Addr().String()}
	s.Bulk.KeepFrames, s.Bulk.IndexTemplate = true, false
	return nil
}

func (s *store) serve() error {
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *store) shutdown() { s.server.Close() }

// openSubscriber joins the group that delivers to the search store, or to
// Elasticsearch when ESSUB_REMOTE_URL is set.
func (pl *Pipeline) openSubscriber(ctx context.Context) error {
	s := pl.settings
	encoder, err := s.Encode.New()
	if err != nil {
		return err
	}
	index, err := encode.ParseIndex(s.Bulk.Index)
	if err != nil {
		return fmt.Errorf("ESSUB_INDEX: %w", err)
	}
	to, err := bulk.New(s.Bulk.Config, pl.log, pl.part("es_subscriber"))
	if err != nil {
		return err
	}
	pl.closing(to.Close)
	pl.out, err = subscriber.Open(ctx, pl.conn, s.Subscriber, s.Stream.Config, to, encoder, index, pl.log, pl.part("es_subscriber"), pl.reporter)
	if err != nil {
		return err
	}
	pl.program.Check(pl.out.NotReady)
	return nil
}
