// Command log_generator sends numbered Heka records to a receiver at a chosen
// rate and can check that all of them arrived. Without settings it sends 1,000
// records a second to a tcp_receiver on this machine until it is stopped.
package main

import (
	"context"
	"os"

	"lagermeister/internal/loadgen"
	"lagermeister/internal/program"
)

type config struct {
	program.Log
	loadgen.Config
}

func main() {
	var cfg config
	program.Main("log_generator", &cfg.Log, func(ctx context.Context, _ *program.Program) error { return run(ctx, cfg) },
		program.Part{Prefix: "GEN", Config: &cfg})
}

func run(ctx context.Context, cfg config) error {
	generator, err := loadgen.New(cfg.Config, os.Stdout)
	if err != nil {
		return err
	}
	if err := generator.Run(ctx); err != nil || cfg.VerifyURL == "" {
		return err
	}
	return generator.Verify(ctx)
}
