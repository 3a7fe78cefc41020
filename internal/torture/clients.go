package torture

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

// clients send while a run goes on. They keep books in the oracle.
type clients struct {
	suite    *suite
	oracle   *oracle
	receipts []*receipts // of the TCP receivers
	burst    atomic.Bool // send without pauses, much at a time
	acks     acks
	wait     sync.WaitGroup
}

func newClients(s *suite, o *oracle) *clients {
	c := &clients{suite: s, oracle: o}
	for _, name := range []string{"tcp1", "tcp2"} {
		c.receipts = append(c.receipts, &receipts{receiver: s.programs[name], oracle: o})
	}
	return c
}

// How many of each send side by side.
const httpClients, tcpClients = 6, 3

// run sends until ctx ends, and returns when no client is at work any more.
func (c *clients) run(ctx context.Context) {
	for i := range httpClients {
		c.wait.Go(func() { c.post(ctx, rand.New(rand.NewPCG(c.oracle.seed, uint64(i)))) })
	}
	for i := range tcpClients {
		c.wait.Go(func() { c.stream(ctx, rand.New(rand.NewPCG(c.oracle.seed, uint64(100+i)))) })
	}
	c.wait.Wait()
}

// rest is the pause between two requests or connections.
func (c *clients) rest(ctx context.Context, d time.Duration) {
	if !c.burst.Load() {
		_ = pause(ctx, d) // the caller asks ctx itself
	}
}

// post sends requests one after the other. One whose records have uuids is
// repeated until it is answered 200; the others are sent once.
func (c *clients) post(ctx context.Context, r *rand.Rand) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		count, withUUID := uint64(1), r.IntN(4) != 0
		if r.IntN(3) > 0 {
			count = 1 + r.Uint64N(20)
		}
		if c.burst.Load() {
			count = chunk
		}
		first := c.oracle.take(count, withUUID)
		body, encoding := c.body(r, first, count)
		for attempt := 0; ctx.Err() == nil; attempt++ {
			began := time.Now()
			status, stored := c.request(client, c.suite.http[r.IntN(len(c.suite.http))], encoding, body)
			if status == http.StatusOK {
				c.acks.add(began, time.Now())
				c.oracle.add(first, count, owed)
				if stored != int(count) {
					c.oracle.complain("Lm-Stored is what was sent", "%d of %d records from %d on", stored, count, first)
				}
				break
			}
			if status/100 == 4 {
				c.oracle.complain("no good record is refused", "%d for the %d records from %d on", status, count, first)
				break
			}
			_ = pause(ctx, min(time.Duration(attempt+1)*100*time.Millisecond, time.Second))
			if !withUUID {
				break
			}
		}
		c.rest(ctx, time.Duration(5+r.IntN(40))*time.Millisecond)
	}
}

// body is one bare message, or frames, which may be packed.
func (c *clients) body(r *rand.Rand, first, count uint64) (body []byte, encoding string) {
	if count == 1 && r.IntN(2) == 0 {
		return c.oracle.message(nil, first), ""
	}
	for n := first; n < first+count; n++ {
		body = c.oracle.frame(body, n)
	}
	if r.IntN(5) > 0 {
		return body, ""
	}
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	_, _ = zw.Write(body) // into memory
	zw.Close()
	return packed.Bytes(), "gzip"
}

// request returns status 0 without an answer.
func (c *clients) request(client *http.Client, addr, encoding string, body []byte) (status, stored int) {
	req, err := http.NewRequest(http.MethodPost, "http://"+addr+"/", bytes.NewReader(body))
	if err != nil {
		panic(err) // an address of our own making
	}
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, 0
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, 0
	}
	stored, _ = strconv.Atoi(resp.Header.Get("Lm-Stored"))
	return resp.StatusCode, stored
}

// acks remembers what of the acknowledgements tells how long none came.
type acks struct {
	mu      sync.Mutex
	last    time.Time
	longest time.Duration
	at      time.Time // its end
	waiting []waiter
}

// waiter is told the moment at which a request was answered 200 that began after it.
type waiter struct {
	since time.Time
	done  chan time.Time
}

func (a *acks) add(began, ended time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if gap := ended.Sub(a.last); !a.last.IsZero() && gap > a.longest {
		a.longest, a.at = gap, ended
	}
	a.last = ended
	kept := a.waiting[:0]
	for _, w := range a.waiting {
		if began.After(w.since) {
			w.done <- ended
		} else {
			kept = append(kept, w)
		}
	}
	a.waiting = kept
}

// next returns when a request is answered 200 that begins after since.
func (a *acks) next(ctx context.Context, since time.Time, limit time.Duration) (time.Duration, error) {
	w := waiter{since, make(chan time.Time, 1)}
	a.mu.Lock()
	a.waiting = append(a.waiting, w)
	a.mu.Unlock()
	select {
	case at := <-w.done:
		return at.Sub(since), nil
	case <-time.After(limit):
		return 0, fmt.Errorf("no request was answered 200 within %v", limit)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
