package stream_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// scanned stores n messages in stream s, removes every seventh and the last one,
// and returns the sequences that are left.
func scanned(t *testing.T, js jetstream.JetStream, n int, direct bool) (left []uint64) {
	t.Helper()
	ctx := streamtest.Context(t)
	s, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "s", Subjects: []string{"s.>"}, AllowDirect: direct})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		msg := &nats.Msg{Subject: fmt.Sprintf("s.%d", i+1), Data: fmt.Appendf(nil, "body %d", i+1), Header: nats.Header{"Of": {fmt.Sprint(i + 1)}}}
		if i%2 == 0 { // as others might have written it
			msg.Header = nil
		}
		if i%5 == 0 {
			msg.Header = nats.Header{"Nats-Sequence": {"1"}, "Nats-Subject": {"x"}}
		}
		if _, err := js.PublishMsgAsync(msg); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	for seq := range uint64(n) {
		if seq++; seq%7 == 0 || seq == uint64(n) {
			if err := s.DeleteMsg(ctx, seq); err != nil {
				t.Fatal(err)
			}
			continue
		}
		left = append(left, seq)
	}
	return left
}

// scan returns the sequences that a scan of s sees.
func scan(t *testing.T, js jetstream.JetStream, from uint64) (seen []uint64) {
	t.Helper()
	err := stream.Scan(streamtest.Context(t), js, "s", from, func(m *jetstream.RawStreamMsg) error {
		if want := fmt.Sprint("body ", m.Sequence); string(m.Data) != want || m.Subject != fmt.Sprint("s.", m.Sequence) || m.Time.IsZero() {
			t.Errorf("message %d: %q under %q at %v", m.Sequence, m.Data, m.Subject, m.Time)
		}
		seen = append(seen, m.Sequence)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestAScanSeesEachMessageOnceInOrderThroughNoConsumer(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{true, false} {
		t.Run(fmt.Sprint("direct reads ", direct), func(t *testing.T) {
			t.Parallel()
			nc, js := streamtest.New(t)
			left := scanned(t, js, 1300, direct)
			created, err := nc.SubscribeSync("$JS.EVENT.ADVISORY.CONSUMER.CREATED.s.>")
			if err != nil {
				t.Fatal(err)
			}
			if seen := scan(t, js, 0); !slices.Equal(seen, left) {
				t.Errorf("%d messages seen, want %d", len(seen), len(left))
			}
			if seen := scan(t, js, 1000); !slices.Equal(seen, left[slices.Index(left, 1000):]) {
				t.Errorf("from 1000 on: %d messages seen", len(seen))
			}
			if seen := scan(t, js, 5000); seen != nil {
				t.Errorf("behind the end: %v", seen)
			}
			// The first consumer that is created is the one created now.
			if _, err := js.CreateConsumer(t.Context(), "s", jetstream.ConsumerConfig{Durable: "mark"}); err != nil {
				t.Fatal(err)
			}
			if msg, err := created.NextMsg(streamtest.Timeout); err != nil || msg.Subject != "$JS.EVENT.ADVISORY.CONSUMER.CREATED.s.mark" {
				t.Errorf("consumer created: %v %v", msg, err)
			}
		})
	}
}

func TestAScanEndsAtWhatIsTheLastMessageWhenItBegins(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	left := scanned(t, js, 10, true)
	n := 0
	err := stream.Scan(t.Context(), js, "s", 0, func(*jetstream.RawStreamMsg) error {
		n++
		_, err := js.Publish(t.Context(), "s.more", nil)
		return err
	})
	if err != nil || n != len(left) {
		t.Errorf("%d messages seen, want %d: %v", n, len(left), err)
	}
	broken := errors.New("broken")
	for want, stop := range map[error]error{nil: stream.ErrStop, broken: broken} {
		n = 0
		err := stream.Scan(t.Context(), js, "s", 0, func(*jetstream.RawStreamMsg) error { n++; return stop })
		if n != 1 || err != want {
			t.Errorf("%d messages seen before %v, error %v", n, stop, err)
		}
	}
}

// A replica is played by a client that answers direct reads in its place.
func TestAScanLeavesNothingOutWhateverAReplicaAnswers(t *testing.T) {
	t.Parallel()
	message := func(seq, before int) *nats.Msg {
		return &nats.Msg{Data: fmt.Appendf(nil, "body %d", seq), Header: nats.Header{"Nats-Subject": {fmt.Sprint("s.", seq)},
			"Nats-Sequence": {fmt.Sprint(seq)}, "Nats-Time-Stamp": {"2026-11-20T12:00:00Z"}, "Nats-Last-Sequence": {fmt.Sprint(before)}}}
	}
	word := func(status string) *nats.Msg { return &nats.Msg{Header: nats.Header{"Status": {status}}} }
	for name, answers := range map[string][]*nats.Msg{
		"it lags behind":                {message(1, 0), message(2, 1), word("204")},
		"it has nothing yet":            {word("404")},
		"it knows no such question":     {word("408")},
		"it knows no batches":           {{Data: []byte("body 1"), Header: nats.Header{"Nats-Sequence": {"1"}}}},
		"a message got lost":            {message(1, 0), message(3, 2), message(4, 3), word("204")},
		"the first message got lost":    {message(2, 1), message(3, 2), word("204")},
		"it answers an older question":  {message(1, 0), message(1, 0), word("204")},
		"it has what is no message":     {{Data: []byte("body 1")}},
		"it has a sequence like no one": {{Header: nats.Header{"Nats-Sequence": {"-1"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replica, js := streamtest.New(t)
			left := scanned(t, js, 20, false)
			if _, err := replica.Subscribe("$JS.API.DIRECT.GET.s", func(m *nats.Msg) {
				for _, answer := range answers {
					_ = m.RespondMsg(&nats.Msg{Header: answer.Header, Data: answer.Data})
				}
			}); err != nil {
				t.Fatal(err)
			}
			if err := replica.Flush(); err != nil {
				t.Fatal(err)
			}
			if seen := scan(t, js, 0); !slices.Equal(seen, left) {
				t.Errorf("seen %v, want %v", seen, left)
			}
		})
	}
}

func TestTheNextMessageIsTheLeadersFirstUnderAPattern(t *testing.T) {
	t.Parallel()
	_, js := streamtest.New(t)
	scanned(t, js, 20, true)
	for _, c := range []struct {
		pattern string
		from    uint64
		want    uint64
	}{{">", 1, 1}, {">", 7, 8}, {"s.*", 14, 15}, {"s.5", 1, 5}, {"s.5", 6, 0}, {"s.7", 1, 0}, {"x", 1, 0}} {
		m, err := stream.Next(t.Context(), js, "s", c.pattern, c.from)
		switch {
		case c.want == 0 && !errors.Is(err, jetstream.ErrMsgNotFound):
			t.Errorf("%s from %d: %v, %v", c.pattern, c.from, m, err)
		case c.want > 0 && (err != nil || m.Sequence != c.want || string(m.Data) != fmt.Sprint("body ", c.want) || m.Time.IsZero()):
			t.Errorf("%s from %d: %v, %v", c.pattern, c.from, m, err)
		}
	}
	if m, err := stream.Next(t.Context(), js, "s", "s.2", 1); err != nil || m.Header.Get("Of") != "2" {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := stream.Next(t.Context(), js, "none", ">", 1); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("without the stream: %v", err)
	}
}
