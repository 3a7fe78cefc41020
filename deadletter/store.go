package deadletter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
)

// window is how many letters are on their way to the stream at a time.
const window = 64

// retryMin and retryMax bound the wait before a letter is sent again.
const (
	retryMin = 100 * time.Millisecond
	retryMax = 10 * time.Second
)

// JetStream refuses for two reasons with one err_code; only the text tells a
// letter that is stored already from a stream that is full.
const (
	codeRefused = 10077
	textStored  = "maximum messages per subject exceeded"
	textFull    = "maximum bytes exceeded"
)

// Store puts letters into their stream, several at a time, and repeats each
// until it is stored.
type Store struct {
	js     jetstream.JetStream
	log    logrus.FieldLogger
	onFull func(full bool)
	full   atomic.Bool
	slots  chan struct{}
	wait   sync.WaitGroup

	abandon   sync.Once
	abandoned chan struct{}
}

// NewStore returns a store. onFull is told when the stream takes no more, and
// when it does again; it may be called from several goroutines.
func NewStore(js jetstream.JetStream, log logrus.FieldLogger, onFull func(full bool)) *Store {
	return &Store{js: js, log: log, onFull: onFull, slots: make(chan struct{}, window), abandoned: make(chan struct{})}
}

// Put begins to store l, waiting while the window is full. stored is called
// once, from another goroutine, when the letter is durable; it is never called
// when ctx ends first, or Abandon was called. Frame must not change until then.
func (s *Store) Put(ctx context.Context, l Letter, stored func()) {
	select {
	case s.slots <- struct{}{}:
	case <-s.abandoned:
		return
	case <-ctx.Done():
		return
	}
	s.wait.Go(func() {
		defer func() { <-s.slots }()
		if s.store(ctx, &l) {
			stored()
		}
	})
}

// Abandon gives up on letters that cannot be stored: what is waiting for another
// try, and what comes after.
func (s *Store) Abandon() { s.abandon.Do(func() { close(s.abandoned) }) }

// Wait returns when no letter is on its way; Put must not be called meanwhile.
func (s *Store) Wait() { s.wait.Wait() }

// Full reports that the stream takes no letter.
func (s *Store) Full() bool { return s.full.Load() }

func (s *Store) store(ctx context.Context, l *Letter) bool {
	wait := retryMin
	for attempt := 1; ; attempt++ {
		_, err := s.js.PublishMsg(ctx, l.Msg())
		if err == nil || refused(err, textStored) {
			s.setFull(false, nil)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		switch {
		case refused(err, textFull):
			s.setFull(true, err)
		case errors.Is(err, nats.ErrMaxPayload) && l.fit(s.js.Conn().MaxPayload()):
			s.log.WithError(err).WithField("letter", l.Subject()).Warn("dead letter does not fit a message, its bytes are cut")
			continue
		default:
			s.log.WithError(err).WithFields(logrus.Fields{"letter": l.Subject(), "attempt": attempt}).
				Warn("dead letter not stored, sending it again")
		}
		timer := time.NewTimer(wait/2 + rand.N(wait/2))
		wait = min(2*wait, retryMax)
		select {
		case <-timer.C:
			continue
		case <-s.abandoned:
		case <-ctx.Done():
		}
		timer.Stop()
		return false
	}
}

func (s *Store) setFull(full bool, cause error) {
	if s.full.Swap(full) == full {
		return
	}
	if full {
		s.log.WithError(cause).Error("the dead-letter stream is full: delivery pauses until letters are dropped or replayed, or the stream is enlarged")
	} else {
		s.log.Info("the dead-letter stream takes letters again")
	}
	s.onFull(full)
}

// ErrGone says that an entry is not there any more, or not the one that was read.
var ErrGone = errors.New("the dead letter has been removed or replaced")

// Replace stores l in place of the entry that stands at sequence seq of the
// dead-letter stream under l's subject. When it fails the old entry stays.
func Replace(ctx context.Context, js jetstream.JetStream, l Letter, seq uint64) error {
	msg := l.Msg()
	msg.Header.Set(stream.HeaderRollup, "sub")
	_, err := js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(seq))
	var api *jetstream.APIError
	if errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
		err = ErrGone
	}
	if err != nil {
		return fmt.Errorf("replace dead letter %s: %w", msg.Subject, err)
	}
	return nil
}

func refused(err error, text string) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == codeRefused && strings.Contains(api.Description, text)
}
