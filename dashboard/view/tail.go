package view

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/dashboard/live"
	"lagermeister/stream"
)

// waiting is how many republished blocks may wait here before NATS drops some for
// us; who comes after sees that by their Previous.
const waiting = 64

// Tail calls take for every block that a stream republishes, from this goroutine,
// until ctx ends; the block is take's until it returns.
func (v *View) Tail(ctx context.Context, take func(*live.Block)) error {
	messages := make(chan *nats.Msg, waiting)
	all := stream.TailSubject("*")
	sub, err := v.nc.ChanSubscribe(all, messages)
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", all, err)
	}
	defer sub.Unsubscribe()
	for {
		select {
		case <-ctx.Done():
			return nil
		case msg := <-messages:
			if b, ok := blockOf(msg); ok {
				take(&b)
			}
		}
	}
}

// blockOf reads the headers that JetStream adds when it republishes; ok is false
// for what no stream has republished.
func blockOf(msg *nats.Msg) (b live.Block, ok bool) {
	h := msg.Header
	seq, err1 := strconv.ParseUint(h.Get("Nats-Sequence"), 10, 64)
	stored, err2 := time.Parse(time.RFC3339Nano, h.Get("Nats-Time-Stamp"))
	if errors.Join(err1, err2) != nil || h.Get("Nats-Stream") == "" {
		return b, false
	}
	previous, _ := strconv.ParseUint(h.Get("Nats-Last-Sequence"), 10, 64) // absent: none
	return live.Block{
		Stream: h.Get("Nats-Stream"), Subject: h.Get("Nats-Subject"), Sequence: seq, Previous: previous,
		Cut: stream.CutTime(h.Get(stream.HeaderCut), stored), Data: msg.Data,
	}, true
}
