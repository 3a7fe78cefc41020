// Command local_relay is the whole suite in one process: receivers, an embedded
// NATS server, a subscriber into an embedded search store (or into Elasticsearch
// with ESSUB_REMOTE_URL), and the dashboard. With RELAY_HUB_URL it also forwards
// every block to a hub. It needs no settings.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"lagermeister/internal/pipeline"
	"lagermeister/internal/program"
	"lagermeister/sink/httpclient"
)

func main() {
	settings := pipeline.Defaults()
	program.Main("local_relay", &settings.Log, func(ctx context.Context, p *program.Program) error {
		return run(ctx, p, settings)
	}, settings.Parts()...)
}

func run(ctx context.Context, p *program.Program, settings *pipeline.Settings) error {
	pl, err := pipeline.New(ctx, p, settings)
	if err != nil {
		return err
	}
	welcome(os.Stdout, pl.Addrs(), settings)
	p.Ready("taking records on " + pl.Addrs().TCP.String() + " and " + pl.Addrs().HTTP.String())
	return pl.Run(ctx)
}

// welcome says where everything is and what to try.
func welcome(out io.Writer, a pipeline.Addrs, settings *pipeline.Settings) {
	store := "Elasticsearch at " + httpclient.Shown(settings.Bulk.RemoteURL)
	if a.Store != nil {
		store = "embedded, http://" + a.Store.String()
	}
	fmt.Fprintf(out, `
Lagermeister is up; its data are in %s

  Heka frames    %s
  HTTP           http://%s/
  dashboard      http://%s/
  search store   %s
  NATS           %s
  health         http://%s/ready

Try:

  go run ./log_generator
  curl 'http://%s/api/v2/search?limit=3'

`, settings.Relay.DataDir, a.TCP, a.HTTP, a.Dashboard, store, a.NATS, a.Admin, a.Dashboard)
}
