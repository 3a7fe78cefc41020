package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"lagermeister/heka"
)

// traffic counts what clients send, from any number of goroutines.
type traffic struct {
	connections, records, bytes atomic.Int64
	first, last                 atomic.Int64 // nanoseconds since opened
	opened                      time.Time
}

// came counts what one read or request has brought.
func (t *traffic) came(records, bytes int64) {
	now := int64(time.Since(t.opened))
	t.first.CompareAndSwap(0, now)
	t.last.Store(now)
	t.records.Add(records)
	t.bytes.Add(bytes)
}

func (t *traffic) result() (*result, error) {
	used, err := cpuSeconds(os.Getpid())
	return &result{
		Connections: int(t.connections.Load()), Records: t.records.Load(), Bytes: t.bytes.Load(),
		Seconds: time.Duration(t.last.Load() - t.first.Load()).Seconds(), CPU: cpu{Client: used},
	}, err
}

// listen opens a listener as the receivers do, and tells its address.
func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{KeepAlive: 30 * time.Second}).Listen(ctx, "tcp", address)
	if err == nil {
		fmt.Fprintln(os.Stderr, "ceiling: listening on", l.Addr())
	}
	return l, err
}

func serveHTTP(ctx context.Context, args []string) (*result, error) {
	f := flags("http")
	addr := f.String("addr", "127.0.0.1:0", "`address` to listen on")
	if err := parse(f, args); err != nil {
		return nil, err
	}
	l, err := listen(ctx, *addr)
	if err != nil {
		return nil, err
	}
	return answer(ctx, l)
}

// answer answers each POST like a record that was stored, as soon as it has read
// the body, until ctx ends.
func answer(ctx context.Context, l net.Listener) (*result, error) {
	t := &traffic{opened: time.Now()}
	server := &http.Server{ // with the limits of receiver.NewHTTP
		Handler:           t,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		IdleTimeout:       120 * time.Second,
		WriteTimeout:      75 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          stdlog.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				t.connections.Add(1)
			}
		},
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(end) // what goes on then is cut
		server.Close()
	})
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return nil, err
	}
	<-stopped
	return t.result()
}

// buffers hold bodies.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// ServeHTTP answers one request.
func (t *traffic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "expected POST", http.StatusMethodNotAllowed)
		return
	}
	buf := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buf)
	var size int64
	for {
		n, err := r.Body.Read(buf[:])
		size += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	t.came(1, size)
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Lm-Stored", "1")
	header.Set("Lm-Filtered", "0")
	w.WriteHeader(http.StatusOK)
}

func serveTCP(ctx context.Context, args []string) (*result, error) {
	f := flags("read")
	addr := f.String("addr", "127.0.0.1:0", "`address` to listen on")
	check := f.Bool("check", false, "parse and validate each record too")
	if err := parse(f, args); err != nil {
		return nil, err
	}
	l, err := listen(ctx, *addr)
	if err != nil {
		return nil, err
	}
	return scan(ctx, l, *check)
}

// scan reads frames and throws them away, until ctx ends.
func scan(ctx context.Context, l net.Listener, check bool) (*result, error) {
	t := &traffic{opened: time.Now()}
	var wait sync.WaitGroup
	defer wait.Wait()
	ctx, cancel := context.WithCancel(ctx) // closes listener and connections
	defer cancel()
	context.AfterFunc(ctx, func() { l.Close() })
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			wait.Wait()
			return t.result()
		}
		if err != nil {
			return nil, err
		}
		t.connections.Add(1)
		wait.Go(func() {
			defer context.AfterFunc(ctx, func() { c.Close() })()
			defer c.Close()
			t.read(c, check)
		})
	}
}

// read reads a connection to its end; check makes it count only valid records.
func (t *traffic) read(c net.Conn, check bool) {
	buf := make([]byte, 2*(64<<10))
	var s heka.Scanner
	var m heka.Message
	for used := 0; ; {
		n, err := c.Read(buf[used:])
		rest := buf[:used+n]
		var records int64
		for {
			f, end, _ := s.Next(rest)
			rest = rest[end:]
			if f.Raw == nil {
				break
			}
			if !check || m.Parse(f.Body) == nil && m.Validate() == nil {
				records++
			}
		}
		if n > 0 {
			t.came(records, int64(n))
		}
		if err != nil {
			return
		}
		used = copy(buf, rest) // less than a frame, so there is room
	}
}
