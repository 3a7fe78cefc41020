package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
)

// ErrForbidden is wrapped by errors of requests this NATS user may not make.
var ErrForbidden = errors.New("not permitted to this NATS user")

// askWithin bounds a question to JetStream; without the right to ask it goes unanswered.
const askWithin = 5 * time.Second

// errNoRoom is the server's err_code when its store cannot hold the wanted size.
const errNoRoom = 10047

// Holding lists the streams that hold subject, a literal or a wildcard, without
// Lagermeister's own (dead letters, ledger, replay). An empty list is no error.
func Holding(ctx context.Context, js jetstream.JetStream, subject string) ([]string, error) {
	infos, err := holding(ctx, js, subject)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Config.Name
	}
	return names, nil
}

// Mains lists the main streams that a group has ever read, by their names and
// sorted: those with a place for dead letters.
func Mains(ctx context.Context, js jetstream.JetStream) (mains []string, err error) {
	names := js.StreamNames(ctx)
	for name := range names.Name() {
		if main, ok := strings.CutSuffix(name, DeadName("")); ok {
			mains = append(mains, main)
		}
	}
	if err := names.Err(); err != nil {
		return nil, apiError(js, "list the streams", err)
	}
	slices.Sort(mains)
	return mains, nil
}

func holding(ctx context.Context, js jetstream.JetStream, subject string) ([]*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	var found []*jetstream.StreamInfo
	what := fmt.Sprintf("ask which streams hold subject %s", subject)
	names := js.StreamNames(ctx, jetstream.WithStreamListSubject(subject))
	for name := range names.Name() {
		s, err := js.Stream(ctx, name) // a list with all that would leave out those without a leader
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return nil, apiError(js, what+": look up stream "+name, err)
		}
		if info := s.CachedInfo(); slices.ContainsFunc(info.Config.Subjects, func(s string) bool { return !internal(s) }) {
			found = append(found, info)
		}
	}
	if err := names.Err(); err != nil {
		return nil, apiError(js, what, err)
	}
	return found, nil
}

// Ensure returns the name of the stream that holds cfg.Subject, a literal one,
// and creates it when there is none. An existing one is used as it is; limits
// that differ from the wanted ones are a warning. A wildcard is an *Error with
// exit code 78: who may read one waits with Holding. Safe to run anywhere at once.
func Ensure(ctx context.Context, js jetstream.JetStream, cfg Config, log logrus.FieldLogger) (string, error) {
	if IsWildcard(cfg.Subject) {
		return "", &Error{Config: true, Err: errWildcard(cfg.Subject)}
	}
	want := mainStream(cfg)
	for range 2 {
		infos, err := holding(ctx, js, cfg.Subject)
		if err != nil {
			return "", err
		}
		if len(infos) > 0 {
			info := infos[0]
			warnDiffering(info, want, cfg, log)
			if info.State.Consumers == 0 {
				log.WithField("stream", info.Config.Name).Info("no group reads this stream yet, it keeps everything")
			}
			return info.Config.Name, nil
		}
		// Nobody can change this stream but by hand, so it is not made in vain.
		made := Durability{Replicas: want.Replicas, Fsync: true, Loses: losses(want)}
		if why := made.Refusal(cfg.RequireDurability); why != "" {
			return "", misconfigured("REQUIRE_DURABILITY=%s: stream %s is not created, because %s (see STREAM_REPLICAS and STREAM_WHEN_FULL)", cfg.RequireDurability, want.Name, why)
		}
		if err := create(ctx, js, want, log); err == nil {
			return want.Name, nil
		} else if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return "", err
		}
		// Either somebody else has just created it, or the name stands for other subjects.
	}
	return "", misconfigured("create stream %s for subject %s: a stream of this name holds other subjects; add the subject to it or choose another SUBJECT", want.Name, cfg.Subject)
}

// EnsureDead returns the name of the dead letter stream of the given main stream.
func EnsureDead(ctx context.Context, js jetstream.JetStream, main string, cfg Config, log logrus.FieldLogger) (string, error) {
	s, err := js.Stream(ctx, main)
	if err != nil {
		return "", apiError(js, "look up stream "+main, err)
	}
	want := deadStream(main, s.CachedInfo().Config.MaxBytes, cfg)
	return want.Name, ensureNamed(ctx, js, want, cfg, log)
}

// EnsureLedger makes sure that LM_LEDGER exists.
func EnsureLedger(ctx context.Context, js jetstream.JetStream, cfg Config, log logrus.FieldLogger) error {
	return ensureNamed(ctx, js, ledgerStream(cfg), cfg, log)
}

// EnsureReplay makes sure that LM_REPLAY exists.
func EnsureReplay(ctx context.Context, js jetstream.JetStream, cfg Config, log logrus.FieldLogger) error {
	return ensureNamed(ctx, js, replayStream(cfg), cfg, log)
}

// EnsureAudit makes sure that LM_AUDIT exists.
func EnsureAudit(ctx context.Context, js jetstream.JetStream, cfg Config, log logrus.FieldLogger) error {
	return ensureNamed(ctx, js, auditStream(cfg), cfg, log)
}

// EnsureState returns the bucket LM_STATE.
func EnsureState(ctx context.Context, js jetstream.JetStream, cfg Config, log logrus.FieldLogger) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, StateBucket)
	if err == nil {
		return kv, nil
	}
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, apiError(js, "look up bucket "+StateBucket, err)
	}
	want := stateBucket(cfg)
	err = halving(want.Bucket, want.MaxBytes, log, func(size int64) error {
		want.MaxBytes = size
		kv, err = js.CreateKeyValue(ctx, want)
		return err
	})
	if errors.Is(err, jetstream.ErrBucketExists) { // by somebody else, just now
		kv, err = js.KeyValue(ctx, StateBucket)
	}
	if err != nil {
		return nil, apiError(js, "create bucket "+StateBucket, err)
	}
	return kv, nil
}

// ensureNamed makes sure that a stream known by its name exists.
func ensureNamed(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, cfg Config, log logrus.FieldLogger) error {
	for range 2 {
		s, err := js.Stream(ctx, want.Name)
		if err == nil {
			warnDiffering(s.CachedInfo(), want, cfg, log)
			return nil
		}
		if !errors.Is(err, jetstream.ErrStreamNotFound) {
			return apiError(js, "look up stream "+want.Name, err)
		}
		err = create(ctx, js, want, log)
		if err == nil || !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return err
		}
	}
	return misconfigured("stream %s: cannot be created and cannot be found", want.Name)
}

func create(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, log logrus.FieldLogger) error {
	err := halving(want.Name, want.MaxBytes, log, func(size int64) error {
		want.MaxBytes = size
		_, err := js.CreateStream(ctx, want)
		return err
	})
	if err != nil {
		return apiError(js, fmt.Sprintf("create stream %s for %v, %d bytes, %d replicas", want.Name, want.Subjects, want.MaxBytes, want.Replicas), err)
	}
	log.WithFields(logrus.Fields{"stream": want.Name, "subjects": want.Subjects, "max_bytes": want.MaxBytes, "replicas": want.Replicas}).Info("stream created")
	return nil
}

// halving calls create with smaller and smaller sizes while the store has no room.
func halving(name string, size int64, log logrus.FieldLogger, create func(size int64) error) error {
	for {
		err := create(size)
		var api *jetstream.APIError
		if !errors.As(err, &api) || api.ErrorCode != errNoRoom || size <= minBytes {
			return err
		}
		half := max(size/2, minBytes)
		log.WithFields(logrus.Fields{"stream": name, "wanted": size, "trying": half}).
			Warn("NATS has no room for a stream of this size (err_code 10047), halving it; raise max_file_store to avoid this")
		size = half
	}
}

func warnDiffering(info *jetstream.StreamInfo, want jetstream.StreamConfig, cfg Config, log logrus.FieldLogger) {
	if d := differences(info.Config, want, cfg.Embedded); len(d) > 0 {
		log.WithFields(logrus.Fields{"stream": info.Config.Name, "differs": d}).Warn("existing stream is used as it is, though its limits differ")
	}
}

// apiError names what was asked of JetStream and, where the cause is known, what
// to do. The result is an *Error.
func apiError(js jetstream.JetStream, what string, err error) error {
	nc := js.Conn()
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return unavailable("%s: JetStream does not answer at %s (is it enabled, and has its cluster a leader?): %w", what, Server(nc), err)
	case (errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded)) && forbidden(nc.LastError()):
		return unavailable("%s: %w (%w)", what, ErrForbidden, nc.LastError())
	}
	return unavailable("%s: %w", what, err)
}

// forbidden recognises the server's word that a request to JetStream was dropped
// for lack of rights. It comes beside the request, which itself only times out.
func forbidden(err error) bool {
	return errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(strings.ToLower(err.Error()), "$js.")
}
