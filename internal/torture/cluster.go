package torture

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/internal/freeport"
	"lagermeister/stream"
)

// storeLimit is the quota of each node's store, bytes: room for the streams of
// the suite and little more.
const storeLimit = 2 << 30

// cluster is three NATS servers, and a connection to them that nobody hurts.
type cluster struct {
	nodes []*process
	addrs []string // of clients, by node
	nc    *nats.Conn
	js    jetstream.JetStream
}

// newCluster starts the nodes and waits until they work together.
func newCluster(ctx context.Context, bin, dir string, o *oracle) (*cluster, error) {
	c := &cluster{}
	var routes, monitors []string
	for range nodeNames {
		c.addrs = append(c.addrs, freeport.Addr())
		routes = append(routes, freeport.Addr())
		monitors = append(monitors, freeport.Addr())
	}
	for i, name := range nodeNames {
		file := filepath.Join(dir, name+".conf")
		config := fmt.Sprintf(`server_name: %s
listen: %q
http: %q
write_deadline: "5s"
jetstream { store_dir: %q, max_memory_store: 67108864, max_file_store: %d }
cluster { name: torture, listen: %q, no_advertise: true, routes: ["nats-route://%s"] }
`, name, c.addrs[i], monitors[i], filepath.Join(dir, name), storeLimit, routes[i], strings.Join(routes, `", "nats-route://`))
		if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, &process{
			name: name, path: filepath.Join(bin, "nats-server"), args: []string{"-c", file},
			log: filepath.Join(dir, name+".log"), health: "http://" + monitors[i] + "/healthz", oracle: o,
		})
	}
	for _, node := range c.nodes {
		if err := node.start(); err != nil {
			return c, err
		}
	}
	for _, node := range c.nodes {
		if _, err := node.ready(ctx); err != nil {
			return c, err
		}
	}
	var err error
	c.nc, err = nats.Connect("nats://"+strings.Join(c.addrs, ",nats://"), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.Timeout(2*time.Second),
		nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2))
	if err != nil {
		return c, err
	}
	c.js, err = jetstream.New(c.nc)
	return c, err
}

func (c *cluster) close() {
	if c.nc != nil {
		c.nc.Close()
	}
	for _, node := range c.nodes {
		node.kill()
	}
}

// node is the process of a name, or the one that leads the main stream.
func (c *cluster) node(ctx context.Context, name string) (*process, error) {
	if name == leader {
		info, err := c.info(ctx)
		if err != nil {
			return nil, err
		}
		name = info.Cluster.Leader
	}
	for _, node := range c.nodes {
		if node.name == name {
			return node, nil
		}
	}
	return nil, fmt.Errorf("no node is called %q", name)
}

// info asks for the main stream, once.
func (c *cluster) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s, err := c.js.Stream(ctx, mainStream)
	if err != nil {
		return nil, err
	}
	if s.CachedInfo().Cluster == nil || s.CachedInfo().Cluster.Leader == "" {
		return nil, fmt.Errorf("stream %s has no leader", mainStream)
	}
	return s.CachedInfo(), nil
}

// whole waits until every node says that all its streams are current: only then
// may the next one be hurt, or a majority would be behind.
func (c *cluster) whole(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, node := range c.nodes {
		if _, err := node.ready(ctx); err != nil {
			return fmt.Errorf("%s: %w", node.name, err)
		}
	}
	for {
		info, err := c.info(ctx)
		if err == nil {
			current := 1
			for _, r := range info.Cluster.Replicas {
				if r.Current && !r.Offline {
					current++
				}
			}
			if current == len(c.nodes) {
				return nil
			}
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return fmt.Errorf("not every replica of %s is current", mainStream)
		}
	}
}

// idle says what keeps the groups of the main stream from being done; empty when
// nothing does.
func (c *cluster) idle(ctx context.Context) string {
	info, err := c.info(ctx)
	if err != nil {
		return err.Error()
	}
	groups := 0
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s, err := c.js.Stream(ctx, mainStream)
	if err != nil {
		return err.Error()
	}
	list, err := stream.Consumers(ctx, s)
	if err != nil {
		return err.Error()
	}
	for _, group := range list {
		if group.Config.Durable == "" {
			continue // who counts records, not who delivers them
		}
		groups++
		if group.NumPending > 0 || group.NumAckPending > 0 {
			return fmt.Sprintf("group %s has %d blocks to come and %d unacknowledged of %d", group.Name, group.NumPending, group.NumAckPending, info.State.LastSeq)
		}
	}
	if groups != 2 {
		return fmt.Sprintf("stream %s has %d groups, expected 2", mainStream, groups)
	}
	return ""
}

// letters gives every dead letter to the oracle.
func (c *cluster) letters(ctx context.Context, o *oracle) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	s, err := c.js.Stream(ctx, stream.DeadName(mainStream))
	if err != nil {
		return err
	}
	last := s.CachedInfo().State.LastSeq
	if s.CachedInfo().State.Msgs == 0 {
		return nil
	}
	reader, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	messages, err := reader.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		o.letter(payloadOf(m.Data()), m.Subject())
		if meta, err := m.Metadata(); err != nil || meta.Sequence.Stream >= last {
			return err
		}
	}
}
