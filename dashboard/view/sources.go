package view

import (
	"context"

	"lagermeister/dashboard/live"
)

// Books is who keeps the balance. *ledger.Book is one.
type Books interface {
	JSON() ([]byte, error)
}

// Sources is where a hub of package live has its news from. notReady says why the
// process is not ready; it may be called from several goroutines.
func (v *View) Sources(books Books, notReady func() []string) live.Sources {
	return live.Sources{
		Ledger:    func(context.Context) ([]byte, error) { return books.JSON() },
		Consumers: v.JSON,
		Status: func(ctx context.Context) live.Status {
			s := v.Status(ctx)
			s.NotReady = append(s.NotReady, notReady()...)
			return s
		},
		Tail: v.Tail,
	}
}
