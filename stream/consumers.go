package stream

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Consumers lists all consumers of a stream, or fails: a list that is not whole
// would be taken for the word that the others do not exist, and what only they
// have not settled would be removed.
//
// The server's own list leaves out, without an error, every consumer whose leader
// does not answer within 4 s, as in an election (nats-server 2.15, "missing" in
// the answer of CONSUMER.LIST). nats.go does not read that; it asks for as many
// more as are wanting, and gets those it has already. The names come from the
// leader of the cluster alone and are always all.
func Consumers(ctx context.Context, s jetstream.Stream) ([]*jetstream.ConsumerInfo, error) {
	name := s.CachedInfo().Config.Name
	var list []*jetstream.ConsumerInfo
	infos := s.ListConsumers(ctx)
	for c := range infos.Info() {
		list = append(list, c)
	}
	if err := infos.Err(); err != nil {
		return nil, fmt.Errorf("list the consumers of stream %s: %w", name, err)
	}
	var missing []string
	names := s.ConsumerNames(ctx)
	for n := range names.Name() {
		if !slices.ContainsFunc(list, func(c *jetstream.ConsumerInfo) bool { return c.Name == n }) {
			missing = append(missing, n)
		}
	}
	if err := names.Err(); err != nil {
		return nil, fmt.Errorf("list the names of the consumers of stream %s: %w", name, err)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("list the consumers of stream %s: nothing is known of %s, which may have no leader at present", name, strings.Join(missing, ", "))
	}
	return list, nil
}
