package torture

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// sending is what one connection sent: count numbers from first on.
type sending struct{ first, count uint64 }

// receipts decides which records that went over TCP are owed; the package comment
// has the rule.
type receipts struct {
	receiver *process
	oracle   *oracle

	mu      sync.Mutex
	life    int
	waiting []sending // read by this life of the receiver, not known to be stored
}

// open returns the life that a connection begins in, 0 when it leads to none.
func (t *receipts) open() int {
	life, alive := t.receiver.lives()
	if !alive {
		return 0
	}
	return life
}

// read notes that the receiver has closed a connection that began in a life,
// after our end of it.
func (t *receipts) read(life int, s sending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now, alive := t.receiver.lives(); !alive || now != life {
		return
	}
	if t.life != life {
		t.life, t.waiting = life, nil
	}
	t.waiting = append(t.waiting, s)
}

// ask makes owed what was read before the receiver says that it has nothing in
// flight.
func (t *receipts) ask() {
	t.mu.Lock()
	life, asked := t.life, len(t.waiting)
	t.mu.Unlock()
	if asked == 0 {
		return
	}
	m := t.receiver.metrics()
	inFlight, known := m["lagermeister_publisher_in_flight_records"]
	if now, alive := t.receiver.lives(); !known || inFlight != 0 || !alive || now != life {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.life == life {
		t.owe(asked)
	}
}

// drained makes everything owed that a life read which ended with code 0.
func (t *receipts) drained(life int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.life == life {
		t.owe(len(t.waiting))
	}
}

func (t *receipts) owe(n int) {
	for _, s := range t.waiting[:n] {
		t.oracle.add(s.first, s.count, owed)
	}
	t.waiting = slices.Delete(t.waiting, 0, n)
}

// watch asks until ctx ends.
func (t *receipts) watch(ctx context.Context) {
	for pause(ctx, 200*time.Millisecond) == nil {
		t.ask()
	}
}

// stream opens connections one after the other, and sends some hundred records
// over each.
func (c *clients) stream(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil {
		to := c.receipts[r.IntN(len(c.receipts))]
		life := to.open()
		if life == 0 { // nobody there; a number is only given out to be sent
			_ = pause(ctx, 50*time.Millisecond)
			continue
		}
		s := sending{count: 1 + r.Uint64N(chunk)}
		s.first = c.oracle.take(s.count, r.IntN(4) != 0)
		if c.deliver(r, c.suite.tcp[slices.Index(c.receipts, to)], s) == nil {
			to.read(life, s)
			c.rest(ctx, time.Duration(20+r.IntN(100))*time.Millisecond)
		} else {
			_ = pause(ctx, 50*time.Millisecond)
		}
	}
}

// deliver sends the records over a connection of their own, in pieces, with
// garbage between some, and returns nil when the receiver has closed it too.
func (c *clients) deliver(r *rand.Rand, addr string, s sending) error {
	var b []byte
	for n := s.first; n < s.first+s.count; n++ {
		if r.IntN(20) == 0 {
			b = append(b, "this is no frame, and holds no separator\n"...)
		}
		b = c.oracle.frame(b, n)
	}
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	// A receiver whose stream is full reads nothing; it may take its time.
	conn.SetDeadline(time.Now().Add(45 * time.Second))
	for len(b) > 0 {
		piece := min(1+r.IntN(20_000), len(b))
		if _, err := conn.Write(b[:piece]); err != nil {
			return err
		}
		b = b[piece:]
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	var answer [1]byte
	if _, err = conn.Read(answer[:]); errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
