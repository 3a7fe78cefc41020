//go:build !race

package receiver

import (
	"net"
	"testing"
	"time"
)

func TestHTTPPlainRequestCostsNoMemory(t *testing.T) {
	h := startHTTP(t, nopPublisher{})
	c := &plainConn{Conn: discard{}, h: h}
	body := message("x")
	if n := testing.AllocsPerRun(1000, func() { c.respond(body) }); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
}

// discard is a connection that takes everything.
type discard struct{ net.Conn }

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) SetDeadline(time.Time) error { return nil }
