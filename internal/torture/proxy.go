package torture

import (
	"net"
	"sync"
	"time"

	"lagermeister/internal/freeport"
)

// link is a TCP proxy in front of one address, which can cut, slow down and hold
// what passes. Its methods may be called at any time.
type link struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	fault   Fault         // "" passes everything at once
	changed chan struct{} // closed when fault changes
	conns   map[net.Conn]struct{}
	wait    sync.WaitGroup
}

// newLink listens on a free port of loopback.
func newLink(target string) (*link, error) {
	l, err := net.Listen("tcp", freeport.Addr())
	if err != nil {
		return nil, err
	}
	k := &link{listener: l, target: target, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	k.wait.Go(k.accept)
	return k, nil
}

func (k *link) addr() string { return k.listener.Addr().String() }

// close cuts everything and returns when nothing runs any more.
func (k *link) close() {
	k.listener.Close()
	k.hurt(Cut)
	k.wait.Wait()
}

// hurt sets the fault, "" mends.
func (k *link) hurt(fault Fault) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fault = fault
	close(k.changed)
	k.changed = make(chan struct{})
	if fault == Cut {
		for c := range k.conns {
			reset(c)
		}
	}
}

// reset closes a connection so that the other end is told of an error.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

func (k *link) accept() {
	for {
		from, err := k.listener.Accept()
		if err != nil {
			return
		}
		k.wait.Go(func() {
			defer from.Close()
			to, err := net.DialTimeout("tcp", k.target, 2*time.Second)
			if err != nil {
				reset(from)
				return
			}
			defer to.Close()
			if !k.open(from, to) {
				return
			}
			defer k.forget(from, to)
			k.wait.Go(func() { k.pass(from, to) })
			k.pass(to, from)
		})
	}
}

// open notes both ends of a connection, unless connections are cut at the moment.
func (k *link) open(ends ...net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range ends {
		if k.fault == Cut {
			reset(c)
			continue
		}
		k.conns[c] = struct{}{}
	}
	return k.fault != Cut
}

func (k *link) forget(ends ...net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range ends {
		delete(k.conns, c)
	}
}

// pass copies until either end is closed, and closes both then: none of the
// protocols that pass here half-closes.
func (k *link) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			k.delay()
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// delay returns when the fault of the moment lets bytes pass.
func (k *link) delay() {
	for {
		k.mu.Lock()
		fault, changed := k.fault, k.changed
		k.mu.Unlock()
		switch fault {
		case Hold:
			<-changed
			continue
		case Slow:
			select {
			case <-changed:
			case <-time.After(50 * time.Millisecond):
			}
		}
		return
	}
}
