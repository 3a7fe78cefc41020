package program

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func testProgram(ctx context.Context) *Program {
	return New(ctx, "test", Logger("info", io.Discard))
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestReadyNamesEveryReasonAndHealthStaysGreen(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	p := testProgram(ctx)
	reasons := []string{}
	p.Check(func() []string { return reasons })
	admin, err := NewAdmin("127.0.0.1:0", p.Registry, p.NotReady, func() []string { return []string{"all is well"} })
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- admin.Serve() }()
	url := "http://" + admin.Addr().String()

	if code, body := get(t, url+"/ready"); code != http.StatusOK || body != `{"status":"ready","notes":["all is well"]}`+"\n" {
		t.Errorf("ready: %d %s", code, body)
	}
	reasons = []string{"stream full"}
	cancel()
	code, body := get(t, url+"/ready")
	if code != http.StatusServiceUnavailable || !strings.Contains(body, "draining") || !strings.Contains(body, "stream full") || !strings.Contains(body, "all is well") {
		t.Errorf("ready: %d %s", code, body)
	}
	if code, _ := get(t, url+"/health"); code != http.StatusOK {
		t.Errorf("health: %d", code)
	}
	if code, body := get(t, url+"/metrics"); code != http.StatusOK || !strings.Contains(body, "go_goroutines") {
		t.Errorf("metrics: %d %.80s", code, body)
	}
	admin.Shutdown()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestErrorsCarryTheirExitCode(t *testing.T) {
	t.Parallel()
	if got := exitCode(Incomplete(3, "not stored")); got != ExitIncomplete {
		t.Errorf("got %d", got)
	}
	if Incomplete(0, "not stored") != nil {
		t.Error("0 records left is no error")
	}
	if got := exitCode(errors.New("x")); got != ExitFailed {
		t.Errorf("got %d", got)
	}
}

func TestSystemdIsToldStateAndWatchdog(t *testing.T) {
	t.Chdir(t.TempDir())
	const path = "notify" // the whole path may be longer than a socket's name
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")

	read := func() string {
		buf := make([]byte, 256)
		if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := socket.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	testProgram(t.Context()).Ready("working")
	if got := read(); got != "READY=1\nSTATUS=working" {
		t.Errorf("got %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { watchdog(ctx); close(done) }()
	if got := read(); got != "WATCHDOG=1" {
		t.Errorf("got %q", got)
	}
	cancel()
	<-done
}
