package httpserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serve starts a server on a free port and returns its address.
func serve(t *testing.T, h http.HandlerFunc, l Limits) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(h, l)
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

func echo(w http.ResponseWriter, r *http.Request) {
	if n, err := io.Copy(io.Discard, r.Body); err != nil {
		http.Error(w, fmt.Sprintf("%d bytes: %v", n, err), http.StatusBadRequest)
	}
}

// ended reads until the server closes the connection.
func ended(t *testing.T, what string, c net.Conn) string {
	t.Helper()
	got, err := io.ReadAll(c)
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		t.Fatalf("%s: the connection stays open", what)
	}
	return string(got)
}

func TestAClientThatSendsSlowlyIsCutOff(t *testing.T) {
	t.Parallel()
	addr := serve(t, echo, Limits{Connections: 10, Read: 200 * time.Millisecond, Write: time.Minute})
	for what, begin := range map[string]string{
		"nothing":       "",
		"half a header": "GET / HTTP/1.1\r\nHost: ",
		"half a body":   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
	} {
		c := dial(t, addr)
		if _, err := io.WriteString(c, begin); err != nil {
			t.Fatal(err)
		}
		ended(t, what, c)
	}
}

func TestAClientThatDoesNotReadItsAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	cut := make(chan error, 1)
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		block := bytes.Repeat([]byte("x"), 1<<20)
		for {
			if _, err := w.Write(block); err != nil {
				cut <- err
				return
			}
		}
	}, Limits{Connections: 10, Read: time.Minute, Write: 200 * time.Millisecond})
	if _, err := io.WriteString(dial(t, addr), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-cut:
	case <-time.After(time.Minute):
		t.Fatal("the handler still writes")
	}
}

func TestAHeaderThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	addr := serve(t, echo, Limits{Connections: 10, Read: time.Minute, Write: time.Minute})
	for what, header := range map[string]string{
		"one long field":  "X: " + strings.Repeat("a", 64<<10) + "\r\n",
		"fields by count": strings.Repeat("X: a\r\n", 16<<10),
	} {
		c := dial(t, addr)
		go io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n"+header+"\r\n")
		if got := ended(t, what, c); !strings.Contains(got, " 431 ") {
			t.Errorf("%s: %.80q", what, got)
		}
	}
}

func TestFurtherConnectionsAreClosedUntilOneHasEnded(t *testing.T) {
	t.Parallel()
	addr := serve(t, echo, Limits{Connections: 2, Read: time.Minute, Write: time.Minute})
	ask := func(c net.Conn) string {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return ""
		}
		b := make([]byte, 1024)
		n, _ := c.Read(b)
		return string(b[:n])
	}
	first, second := dial(t, addr), dial(t, addr)
	for _, c := range []net.Conn{first, second} {
		if got := ask(c); !strings.Contains(got, "200 OK") {
			t.Fatalf("within the limit: %q", got)
		}
	}
	if got := ended(t, "beyond the limit", dial(t, addr)); got != "" {
		t.Errorf("beyond the limit: %q", got)
	}
	first.Close()
	for end := time.Now().Add(time.Minute); ; {
		if strings.Contains(ask(dial(t, addr)), "200 OK") {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no place becomes free")
		}
	}
}
