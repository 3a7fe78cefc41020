// Package load sends records of package record as fast, or at the rate, that is
// wanted, and costs as little as possible: what it uses is missing to who is
// measured on the same machine.
package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"lagermeister/bench/record"
)

// writeSize is how many bytes are handed to the kernel at once, when no rate is
// asked for; sendBuffer is how many it keeps for a connection. Left to itself it
// keeps megabytes, and those of 1,000 connections are more than it has: then it
// drops segments and sends them again half a minute later.
const (
	writeSize  = 64 << 10
	sendBuffer = 256 << 10
)

// nap is the shortest sleep of a connection that has more than one record to
// send in that time: waking up for each would cost more than sending it.
const nap = 5 * time.Millisecond

// Load is what to send and where to. It ends with the first of Count and
// Duration, and with its context.
type Load struct {
	Address     string
	Template    *record.Template // of a whole frame, line or request
	Connections int
	FirstConn   int           // number of the first connection in the marks
	Count       int64         // records over all connections; 0: no limit
	Duration    time.Duration // 0: no limit
	Rate        float64       // records a second over all connections; 0: as fast as they are taken
}

// Sent is what was sent.
type Sent struct {
	Records int64 // handed to the kernel, or answered 200
	Refused int64 // HTTP: answered otherwise
	Began   time.Time
	Ended   time.Time // the last byte was handed over, or the last answer was here
	Answers []time.Duration
}

// Rate is records a second.
func (s *Sent) Rate() float64 { return float64(s.Records) / s.Ended.Sub(s.Began).Seconds() }

// sender is one connection's work.
type sender struct {
	*Load
	conn   net.Conn
	number uint16
	left   *atomic.Int64 // of Count, shared
	stop   time.Time
	sent   Sent
}

// TCP sends frames or lines, and closes the connections when all were handed
// over: who reads them gets them all, and then the end.
func TCP(ctx context.Context, l Load) (Sent, error) { return l.run(ctx, (*sender).stream) }

// HTTP sends requests, on each connection the next when the one before was
// answered. A record counts as sent when its answer was 200.
func HTTP(ctx context.Context, l Load) (Sent, error) { return l.run(ctx, (*sender).requests) }

// run opens all connections, then lets them begin together and waits for them.
func (l *Load) run(ctx context.Context, work func(*sender, context.Context) error) (Sent, error) {
	left := new(atomic.Int64)
	left.Store(l.Count)
	senders := make([]*sender, l.Connections)
	defer func() {
		for _, s := range senders {
			if s != nil {
				s.conn.Close()
			}
		}
	}()
	for i := range senders {
		conn, err := net.Dial("tcp", l.Address)
		if err != nil {
			return Sent{}, fmt.Errorf("open connection %d of %d: %w", i+1, l.Connections, err)
		}
		if err := conn.(*net.TCPConn).SetWriteBuffer(sendBuffer); err != nil {
			conn.Close()
			return Sent{}, fmt.Errorf("open connection %d of %d: %w", i+1, l.Connections, err)
		}
		senders[i] = &sender{Load: l, conn: conn, number: uint16(l.FirstConn + i), left: left}
	}
	// A blocked write or read ends with the context.
	release := context.AfterFunc(ctx, func() {
		for _, s := range senders {
			_ = s.conn.SetDeadline(time.Now())
		}
	})
	defer release()

	total := Sent{Began: time.Now()}
	errs := make([]error, len(senders))
	var wg sync.WaitGroup
	for i, s := range senders {
		if l.Duration > 0 {
			s.stop = total.Began.Add(l.Duration)
		}
		wg.Go(func() { errs[i] = work(s, ctx) })
	}
	wg.Wait()
	for _, s := range senders {
		total.Records += s.sent.Records
		total.Refused += s.sent.Refused
		total.Answers = append(total.Answers, s.sent.Answers...)
		if s.sent.Ended.After(total.Ended) {
			total.Ended = s.sent.Ended
		}
	}
	return total, errors.Join(errs...)
}

// take claims up to n records of Count.
func (s *sender) take(n int) int {
	if s.Count == 0 {
		return n
	}
	left := s.left.Add(-int64(n))
	return int(max(0, min(int64(n), int64(n)+left)))
}

// due waits until a record is due and returns how many are, at most n; 0 when it
// is time to end.
func (s *sender) due(ctx context.Context, began time.Time, sent, n int) int {
	if s.Rate == 0 {
		return s.take(n)
	}
	gap := time.Duration(float64(s.Connections) / s.Rate * float64(time.Second))
	// The connections take turns, so that all together are even.
	began = began.Add(gap * time.Duration(int(s.number)-s.FirstConn) / time.Duration(s.Connections))
	if wait := time.Until(began.Add(gap * time.Duration(sent))); wait > 0 {
		if gap < nap {
			wait = max(wait, nap)
		}
		select {
		case <-ctx.Done():
			return 0
		case <-time.After(wait):
		}
	}
	late := int(time.Since(began)/gap) + 1 - sent
	return s.take(max(1, min(n, late)))
}

// over tells that nothing more is to be sent.
func (s *sender) over(ctx context.Context) bool {
	return ctx.Err() != nil || !s.stop.IsZero() && time.Now().After(s.stop)
}

// stream writes many records at once. The buffer holds them ready but for their marks.
func (s *sender) stream(ctx context.Context) error {
	size := len(s.Template.Bytes)
	buf := s.Template.Repeat(max(1, writeSize/size))
	began := time.Now()
	for seq := 0; !s.over(ctx); {
		n := s.due(ctx, began, seq, len(buf)/size)
		if n == 0 {
			break
		}
		now := time.Now().UnixNano()
		for i := range n {
			s.Template.Stamp(buf[i*size:], s.number, uint32(seq+i), now)
		}
		seq += n
		if _, err := s.conn.Write(buf[:n*size]); err != nil {
			return fmt.Errorf("connection %d: after %d records: %w", s.number, s.sent.Records, err)
		}
		s.sent.Records += int64(n)
	}
	s.sent.Ended = time.Now()
	return s.conn.Close()
}
