package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
)

const (
	foldEvery   = 5 * time.Second
	foldTimeout = time.Minute // for one stream and all its groups
)

// Book folds the settlements of all groups on all streams every 5 s and keeps
// the balance of each. Any number of books may be kept at the same time.
type Book struct {
	js      jetstream.JetStream
	log     logrus.FieldLogger
	metrics *metrics
	every   time.Duration

	accounts map[string]*account // by stream; owned by Run
	bad      map[string]string   // state by STREAM or STREAM/GROUP, of what is not well; owned by Run

	mu    sync.Mutex
	books Books
}

// account is what a Book remembers of one stream from one round to the next.
type account struct {
	counts   *counts
	forecast stream.Forecast
	stop     context.CancelFunc // ends the reader of headers
	reading  sync.WaitGroup
}

// NewBook makes a book; Run keeps it.
func NewBook(js jetstream.JetStream, log logrus.FieldLogger, reg prometheus.Registerer) *Book {
	b := &Book{
		js: js, log: log.WithField("component", "ledger"), every: foldEvery,
		accounts: make(map[string]*account), bad: make(map[string]string),
	}
	b.metrics = newMetrics(reg, b.Books)
	return b
}

// Books are the last balances that could be had; At is zero when there were none yet.
func (b *Book) Books() Books {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.books
}

// JSON is Books as JSON. The error says why there are none yet.
func (b *Book) JSON() ([]byte, error) {
	books := b.Books()
	if books.At.IsZero() {
		return nil, errors.Join(errors.New("no balance yet"), asError(books.Error))
	}
	return json.Marshal(books)
}

func asError(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// Run folds and balances every 5 s until ctx ends; it returns nil then.
func (b *Book) Run(ctx context.Context) error {
	defer func() {
		for name := range b.accounts {
			b.close(name)
		}
	}()
	tick := time.NewTicker(b.every)
	defer tick.Stop()
	for {
		b.round(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// round makes new books. When that fails the old ones stay, and say so.
func (b *Book) round(ctx context.Context) {
	streams, err := b.balance(ctx)
	if ctx.Err() != nil {
		return
	}
	b.mu.Lock()
	before := b.books.Error
	b.books.Error = ""
	if err == nil {
		b.books = Books{At: time.Now(), Streams: streams}
	} else {
		b.books.Error = err.Error()
	}
	b.mu.Unlock()
	if err == nil {
		b.metrics.forecasts(streams)
	}
	switch {
	case err != nil:
		b.metrics.failed()
		if before == "" {
			b.log.WithError(err).Warn("settlements not folded, the balance is not current; trying again every 5 s")
		}
	case before != "":
		b.log.Info("the balance is current again")
	}
	b.tell()
}

func (b *Book) balance(ctx context.Context) ([]StreamBalance, error) {
	known, err := settledGroups(ctx, b.js)
	if err != nil {
		return nil, err
	}
	names, err := streams(ctx, b.js, known)
	if err != nil {
		return nil, err
	}
	var kv jetstream.KeyValue
	if len(names) > 0 {
		kv, err = b.js.KeyValue(ctx, stream.StateBucket)
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			return []StreamBalance{}, nil // no subscriber was ever here
		}
		if err != nil {
			return nil, fmt.Errorf("look up bucket %s: %w", stream.StateBucket, err)
		}
	}
	list := []StreamBalance{}
	found := make(map[string]bool)
	for _, name := range names {
		v, err := b.look(ctx, name, known[name], kv)
		if err != nil { // the others shall not wait for it
			found[name] = true
			list = append(list, StreamBalance{Stream: name, Error: err.Error(), Groups: []Balance{}})
			continue
		}
		if v.info == nil && len(v.Groups) == 0 {
			continue
		}
		found[name] = true
		list = append(list, b.account(ctx, v).balance(v))
	}
	for name := range b.accounts {
		if !found[name] { // the stream is gone, and so is every trace of it
			b.close(name)
		}
	}
	return list, nil
}

func (b *Book) look(ctx context.Context, name string, known []string, kv jetstream.KeyValue) (View, error) {
	ctx, cancel := context.WithTimeout(ctx, foldTimeout)
	defer cancel()
	folder := Folder{JS: b.js, KV: kv}
	if a := b.accounts[name]; a != nil {
		folder.Records = a.counts.records
	}
	return look(ctx, b.js, name, known, (*Folder).Fold, folder)
}

// account is what is remembered of a view's stream, with a reader of the headers
// of what is not settled.
func (b *Book) account(ctx context.Context, v View) *account {
	a := b.accounts[v.Stream]
	if a != nil && (v.info == nil || a.forgotten(&v)) {
		b.close(v.Stream)
		a = nil
	}
	if a == nil {
		a = &account{counts: newCounts(v.lowest()), stop: func() {}}
		if v.info != nil {
			reading, stop := context.WithCancel(ctx)
			a.stop = stop
			a.reading.Go(func() { a.counts.follow(reading, b.js, v.Stream, b.log) })
		}
		b.accounts[v.Stream] = a
	}
	return a
}

func (b *Book) close(name string) {
	a := b.accounts[name]
	a.stop()
	a.reading.Wait()
	delete(b.accounts, name)
}

// forgotten says whether blocks are pending whose counts were not kept, since
// nobody needed them until now.
func (a *account) forgotten(v *View) bool {
	for i := range v.Groups {
		for first, last := range v.pending(&v.Groups[i]) {
			if _, forgotten := a.counts.between(first, last); forgotten > 0 {
				return true
			}
		}
	}
	return false
}

// balance adds up a view and lets go of the counts that it does not need.
func (a *account) balance(v View) StreamBalance {
	s := StreamBalance{Stream: v.Stream, First: v.First, Last: v.Last, Groups: []Balance{}}
	needed := make(map[uint64]bool)
	for i := range v.Groups {
		g := &v.Groups[i]
		s.Groups = append(s.Groups, g.balance(v.First, v.Last, a.counts.records))
		if g.Closed || g.Err != nil {
			continue
		}
		for first, last := range g.State.Settled.Holes(g.State.Baseline, v.Last) {
			for key := first / chunkSize; key <= last/chunkSize; key++ {
				needed[key] = true
			}
		}
	}
	a.counts.keep(needed)
	if v.info != nil {
		s.Bytes, s.MaxBytes = v.info.State.Bytes, v.info.Config.MaxBytes
		s.left, s.HeldBy = a.forecast.Observe(time.Now(), v.info, stream.Floors(v.info.State, v.consumers))
		if s.left < stream.NeverFull {
			seconds := s.left.Seconds()
			s.SecondsUntilFull = &seconds
		}
	}
	return s
}

// tell logs groups that do not balance, or do again.
func (b *Book) tell() {
	books := b.Books()
	now := make(map[string]string)
	for _, s := range books.Streams {
		if s.Error != "" {
			now[s.Stream] = Unknown
			if b.bad[s.Stream] == "" {
				b.log.WithError(asError(s.Error)).WithField("stream", s.Stream).Warn("no balance of this stream, trying again every 5 s")
			}
		}
		for _, g := range s.Groups {
			key := s.Stream + "/" + g.Group
			if g.State != Difference && g.State != Unknown {
				continue
			}
			if now[key] = g.State; b.bad[key] == g.State {
				continue
			}
			log := b.log.WithFields(logrus.Fields{"stream": s.Stream, "group": g.Group})
			if g.State == Unknown {
				log.WithError(asError(g.Error)).Warn("no balance of this group, trying again every 5 s")
				continue
			}
			log.WithFields(logrus.Fields{
				"difference": g.Difference, "stored": g.Stored, "delivered": g.Delivered, "filtered": g.Filtered,
				"dead": g.Dead, "pending": g.Pending, "expired": g.Expired,
			}).Error("the ledger does not balance: records are not accounted for, docs/operations.md says what to do")
		}
	}
	for key := range b.bad {
		if now[key] == "" {
			b.log.WithField("of", key).Info("the ledger balances again")
		}
	}
	b.bad = now
}

// Balances takes a snapshot of streams, of those that exist or that groups have
// settled something of, without changing anything. After timeout
// no more counts of what is pending are read: what was not reached by then counts
// as one record a block, and unread is how many such blocks there may be.
func Balances(ctx context.Context, js jetstream.JetStream, names []string, timeout time.Duration) (books Books, unread uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	known, err := settledGroups(ctx, js)
	if err != nil {
		return Books{}, 0, err
	}
	books = Books{At: time.Now(), Streams: []StreamBalance{}}
	var views []View
	for _, name := range names {
		v, err := look(ctx, js, name, known[name], (*Folder).Peek, Folder{JS: js})
		if err != nil {
			return Books{}, 0, err
		}
		if v.info != nil || len(v.Groups) > 0 {
			views = append(views, v)
		}
	}
	for _, v := range views {
		a := account{counts: newCounts(v.lowest())}
		if v.info != nil && v.lowest() <= v.Last {
			if err := a.counts.readTo(ctx, js, v.Stream, v.Last); err != nil && ctx.Err() == nil {
				return Books{}, 0, err
			}
			unread += v.Last + 1 - min(a.counts.position(), v.Last+1)
		}
		books.Streams = append(books.Streams, a.balance(v))
	}
	return books, unread, nil
}
