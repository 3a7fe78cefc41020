package torture

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"lagermeister/heka"
)

// hostile hurts the receivers from outside for the time of an event.
func (c *clients) hostile(ctx context.Context, kind Fault, length time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	if kind == BadHTTP {
		c.badRequests(ctx)
		return
	}
	var open []net.Conn // half-open until the event is over
	for ctx.Err() == nil && len(open) < 200 {
		conn, err := net.DialTimeout("tcp", c.suite.tcp[mathrand.IntN(len(c.suite.tcp))], time.Second)
		if err != nil {
			_ = pause(ctx, 100*time.Millisecond)
			continue
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Second))
		switch kind {
		case Garbage:
			noise := make([]byte, 64<<10)
			_, _ = rand.Read(noise)
			_, _ = conn.Write(noise)
			conn.Close()
		case Truncated:
			n := c.oracle.take(1, true)
			c.oracle.add(n, 1, refused)
			frame := c.oracle.frame(nil, n)
			_, _ = conn.Write(frame[:len(frame)-1])
			conn.Close()
		case Drip:
			n := c.oracle.take(1, true) // whether it is whole is open
			for _, b := range c.oracle.frame(nil, n) {
				if _, err := conn.Write([]byte{b}); err != nil || pause(ctx, time.Millisecond) != nil {
					break
				}
			}
			reset(conn)
		case Oversized:
			d := heka.Draft{Hostname: "x", Payload: strings.Repeat("y", 2*heka.DefaultMaxMessage)}
			_, _ = conn.Write(heka.AppendFrame(nil, d.Append(nil)))
			conn.Close()
		case HalfOpen: // a frame that never ends
			_, _ = conn.Write([]byte("\x1e\x02\x08\x40\x1f1234"))
			open = append(open, conn)
		}
		_ = pause(ctx, 5*time.Millisecond)
	}
	<-ctx.Done()
}

// badRequests sends what must be answered 4xx, a good record with it, and expects
// that nothing of it is stored.
func (c *clients) badRequests(ctx context.Context) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for ctx.Err() == nil {
		n := c.oracle.take(1, true)
		c.oracle.add(n, 1, refused)
		frame := c.oracle.frame(nil, n)
		bodies := [][]byte{
			append(bytes.Clone(frame), "garbage"...),
			append([]byte("\x1e\x02\x08\x04\x1f\x07\x07\x07\x07"), frame...),
			append(bytes.Clone(frame), frame[:len(frame)-2]...),
			frame[:len(frame)-1],
		}
		i := mathrand.IntN(len(bodies))
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.suite.http[mathrand.IntN(len(c.suite.http))]+"/", bytes.NewReader(bodies[i]))
		if err != nil {
			return
		}
		if resp, err := client.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode/100 != 4 && resp.StatusCode != http.StatusServiceUnavailable {
				c.oracle.complain("bad requests are answered 4xx", "%d to one of kind %d", resp.StatusCode, i)
			}
		}
		_ = pause(ctx, 10*time.Millisecond)
	}
}
