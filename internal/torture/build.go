package torture

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// binaries are the programs a run needs.
var binaries = []string{"tcp_receiver", "http_receiver", "es_subscriber", "http_subscriber", "stats_proxy", "nats-server"}

// Build makes the programs, and the NATS server that go.mod names, in dir. It
// works inside the source tree only.
func Build(ctx context.Context, dir string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, name := range binaries[:len(binaries)-1] {
		args = append(args, "lagermeister/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/nats-io/nats-server/v2")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build of the programs: %w: %.500s; run this inside the source tree, or give --bin", err, out)
	}
	return nil
}

// complete says which program is missing in dir.
func complete(dir string) error {
	for _, name := range binaries {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%s is not there: build with go build -o %s ./... github.com/nats-io/nats-server/v2: %w", name, dir, err)
		}
	}
	return nil
}
