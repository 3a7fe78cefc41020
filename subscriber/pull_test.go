package subscriber

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/stream/streamtest"
)

// A replicated consumer sends the word that a request is over before the last of
// the messages that it has sent by then.
func TestWhatComesBehindTheWordThatARequestIsOverIsTaken(t *testing.T) {
	t.Parallel()
	nc := streamtest.Connect(t, streamtest.Server(t))
	far := make(chan *nats.Msg, 10)
	if _, err := nc.ChanSubscribe("$JS.API.CONSUMER.MSG.NEXT.s.c", far); err != nil {
		t.Fatal(err)
	}
	p, err := newPuller(nc, "s", "c")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()

	deliver := func(request *nats.Msg, n int) {
		if err := nc.PublishRequest(request.Reply, fmt.Sprint("ack.", n), []byte("x")); err != nil {
			t.Error(err)
		}
	}
	word := func(request *nats.Msg, status, description string, pending int) {
		m := nats.NewMsg(request.Reply)
		m.Header = nats.Header{"Status": {status}, "Description": {description}, "Nats-Pending-Messages": {fmt.Sprint(pending)}}
		if err := nc.PublishMsg(m); err != nil {
			t.Error(err)
		}
	}
	receive := func() (came int, err error) {
		for !p.over() && err == nil {
			select {
			case m := <-p.messages:
				var delivery bool
				if delivery, err = p.take(m); delivery {
					came++
				}
			case <-time.After(streamtest.Timeout):
				t.Fatalf("the request is not over after %d messages", came)
			}
		}
		return came, err
	}
	for name, c := range map[string]struct {
		before, behind      int
		status, description string
		wantErr             bool
	}{
		"batch completed": {2, 3, "409", "Batch Completed", false},
		"timeout":         {0, 5, "408", "Request Timeout", false},
		"bytes":           {4, 1, "409", "Message Size Exceeds MaxBytes", false},
		"nothing":         {0, 0, "404", "No Messages", false},
		"all before":      {5, 0, "408", "Request Timeout", false},
		"deleted":         {5, 0, "409", "Consumer Deleted", true},
	} {
		if err := p.ask(10, 1<<20, time.Minute); err != nil {
			t.Fatal(err)
		}
		request := <-far
		for n := range c.before {
			deliver(request, n+1)
		}
		word(request, c.status, c.description, 10-c.before-c.behind)
		for n := range c.behind {
			deliver(request, c.before+n+1)
		}
		if came, err := receive(); came != c.before+c.behind || (err != nil) != c.wantErr {
			t.Errorf("%s: %d messages, expected %d; %v", name, came, c.before+c.behind, err)
		}
	}

	// A word about an earlier request ends no later one, and full is full.
	if err := p.ask(10, 1<<20, time.Minute); err != nil {
		t.Fatal(err)
	}
	first := <-far
	if err := p.ask(2, 1<<20, time.Minute); err != nil {
		t.Fatal(err)
	}
	word(first, "408", "Request Timeout", 10)
	second := <-far
	deliver(second, 1)
	deliver(second, 2)
	if came, err := receive(); came != 2 || err != nil {
		t.Errorf("%d messages, expected 2; %v", came, err)
	}
}
