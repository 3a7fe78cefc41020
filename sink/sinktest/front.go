package sinktest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Front stands before a far end and hands connections on, byte for byte, until
// it is cut: then open ones are reset, and new ones as soon as they are made.
type Front struct {
	listener net.Listener
	work     sync.WaitGroup

	mu     sync.Mutex
	target string // "": cut
	conns  map[net.Conn]struct{}
}

// NewFront starts a front on a free port of its own; it ends with the test.
func NewFront(t testing.TB, target string) *Front {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &Front{listener: listener, target: target, conns: map[net.Conn]struct{}{}}
	f.work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f.work.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		f.To("")
		f.work.Wait()
	})
	return f
}

// Addr is where the front listens.
func (f *Front) Addr() string { return f.listener.Addr().String() }

// To hands new connections to target from now on; "" cuts. Open connections are
// reset.
func (f *Front) To(target string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.target = target
	for conn := range f.conns {
		reset(conn)
	}
	clear(f.conns)
}

func (f *Front) serve(near net.Conn) {
	f.mu.Lock()
	target := f.target
	f.mu.Unlock()
	defer reset(near)
	if target == "" {
		return
	}
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer far.Close()
	f.mu.Lock()
	if target != f.target {
		f.mu.Unlock()
		return
	}
	f.conns[near], f.conns[far] = struct{}{}, struct{}{}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.conns, near)
		delete(f.conns, far)
		f.mu.Unlock()
	}()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(near, far)
		closeWrite(near)
	})
	_, _ = io.Copy(far, near)
	closeWrite(far)
	back.Wait()
}

func closeWrite(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}

// reset closes with RST instead of FIN.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}
