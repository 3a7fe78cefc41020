package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"lagermeister/heka"
	"lagermeister/internal/freeport"
)

// tcpReceiver accepts one connection, reads it to its end and gives what came.
func tcpReceiver(t *testing.T) (address string, received <-chan []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	got := make(chan []byte, 1)
	go func() { // ends with the connection or the listener
		defer close(got)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		b, _ := io.ReadAll(conn)
		got <- b
	}()
	return l.Addr().String(), got
}

// messages takes frames apart and checks that nothing is between them.
func messages(t *testing.T, b []byte) (all []*heka.Message, frames []heka.Frame) {
	t.Helper()
	for r := heka.NewReader(bytes.NewReader(b), 0); ; {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			if r.Skipped() > 0 {
				t.Errorf("%d bytes belong to no frame", r.Skipped())
			}
			return all, frames
		}
		if err != nil {
			t.Fatal(err)
		}
		m := new(heka.Message)
		if err := m.Parse(bytes.Clone(f.Body)); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
		frames = append(frames, heka.Frame{Header: bytes.Clone(f.Header), Body: m.Body})
	}
}

func TestSendOverTCPSendsWhatTheOptionsDescribe(t *testing.T) {
	t.Parallel()
	address, received := tcpReceiver(t)
	out, errs, code := lagerCtl(nil, "send", "--to", address, "--count", "3",
		"-type", "T", "-logger", "L", "-severity", "3", "-payload", "P", "-pid", "77", "-hostname", "H", "-env-version", "E",
		"-field", "a=b=c", "-field", "n:integer=-5", "-field", "d:double=0.5", "-field", "t:bool=true", "-field", "x:bytes=\xff", "-field", "not:type=v")
	if code != 0 || !strings.HasPrefix(out, "sent 3 records, ") {
		t.Fatalf("exit code %d, %s%s", code, out, errs)
	}
	all, _ := messages(t, <-received)
	if len(all) != 3 || bytes.Equal(all[0].UUID, all[1].UUID) {
		t.Fatalf("%d messages", len(all))
	}
	s := shown{}
	for _, m := range all {
		s.Message = m
		if err := m.Validate(); err != nil || len(m.UUID) != 16 || !m.HasTimestamp {
			t.Errorf("not a valid message: %v", err)
		}
		text := string(appendText(nil, &s))
		for _, want := range []string{
			`Type        "T"`, `Logger      "L"`, "Severity    3", `Payload     "P"`, "Pid         77", `Hostname    "H"`, `EnvVersion  "E"`,
			`"a" string = "b=c"`, `"n" integer = -5`, `"d" double = 0.5`, `"t" bool = true`, `"x" bytes = "\xff"`, `"not:type" string = "v"`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in\n%s", want, text)
			}
		}
	}
}

func TestSendWithoutOptionsSendsAValidMessage(t *testing.T) {
	t.Parallel()
	address, received := tcpReceiver(t)
	if _, errs, code := lagerCtl(nil, "send", "--to", "tcp://"+address, "--hostname", "h"); code != 0 {
		t.Fatal(errs)
	}
	all, _ := messages(t, <-received)
	if len(all) != 1 || all[0].Validate() != nil || all[0].Payload == nil || string(all[0].Type) != "inject.message" || all[0].Severity != 7 || all[0].Pid != int32(os.Getpid()) {
		t.Errorf("got %+v", all)
	}
}

func TestSendSignsWithTheKeyOfTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "signers")
	if err := os.WriteFile(path, []byte("ops_3 secret key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{"md5", "sha1"} {
		address, received := tcpReceiver(t)
		if _, errs, code := lagerCtl(nil, "send", "--to", address, "--signers", path, "--sign", "ops_3", "--hash", hash); code != 0 {
			t.Fatal(errs)
		}
		_, frames := messages(t, <-received)
		if signer, err := (heka.Signers{"ops_3": []byte("secret key")}).Verify(frames[0]); signer != "ops" || err != nil {
			t.Errorf("%s: signer %q, %v", hash, signer, err)
		}
	}
}

func TestSendPassesTheFramesOfAFileOnAndNothingElse(t *testing.T) {
	t.Parallel()
	paths, _ := filepath.Glob(vectors + "/records/m0*.bin")
	var in, want []byte
	for _, path := range paths {
		frame, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		in, want = append(append(in, "noise"...), frame...), append(want, frame...)
	}
	address, received := tcpReceiver(t)
	_, errs, code := lagerCtl(in, "send", "--to", address, "--file", "-")
	if got := <-received; code != 0 || !bytes.Equal(got, want) {
		t.Errorf("exit code %d, %d bytes, want %d; %s", code, len(got), len(want), errs)
	}
	if !strings.Contains(errs, "-: byte 0: skipped 5 bytes") {
		t.Errorf("stderr: %s", errs)
	}
}

func TestSendOverHTTPAddsUpWhatTheReceiverStored(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		all, _ := messages(t, b)
		requests.Add(1)
		w.Header().Set("Lm-Stored", strconv.Itoa(len(all)-1))
		w.Header().Set("Lm-Filtered", "1")
	}))
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := lagerCtl(nil, "send", "--to", server.URL, "--ca", ca, "--count", "500", "--payload", strings.Repeat("x", 10000))
	n := requests.Load()
	want := fmt.Sprintf("of 500 records in %d requests %d stored, %d filtered", n, 500-n, n)
	if code != 0 || n < 5 || !strings.Contains(out, want) {
		t.Errorf("exit code %d after %d requests: %s%s", code, n, out, errs)
	}
}

func TestSendTellsWhatTheReceiverRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		header string
		want   string
	}{
		{400, "", "0 records stored before; for the next 1 http://"},
		{503, "2", "stream full (retry after 2 s)"},
		{200, "", "is it an http_receiver?"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.WriteHeader(c.status)
			io.WriteString(w, "stream full\n")
		}))
		out, errs, code := lagerCtl(nil, "send", "--to", server.URL)
		if code != 1 || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%d: exit code %d, %s%s", c.status, code, out, errs)
		}
		server.Close()
	}
}

func TestSendSaysThatNobodyListens(t *testing.T) {
	t.Parallel()
	address := freeport.Addr()
	for _, to := range []string{address, "tcp://" + address, "http://" + address + "/"} {
		if out, errs, code := lagerCtl(nil, "send", "--to", to); code != 69 || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, address) {
			t.Errorf("%s: exit code %d, %s%s", to, code, out, errs)
		}
	}
}

func TestSendUsageErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"extra"}, `"extra"`},
		{[]string{"--count", "0"}, "--count 0"},
		{[]string{"--severity", "x"}, "32 bits"},
		{[]string{"--field", "novalue"}, "want NAME=VALUE"},
		{[]string{"--field", "n:integer=x"}, `"x" is no value of type integer`},
		{[]string{"--to", "ftp://x"}, `scheme "ftp"`},
		{[]string{"--to", "host"}, "want host:port"},
		{[]string{"--to", ":"}, "want host:port"},
		{[]string{"--sign", "a_0"}, "--signers"},
		{[]string{"--sign", "a_0", "--hash", "sha3"}, "want md5 or sha1"},
	} {
		if out, errs, code := lagerCtl(nil, append([]string{"send"}, c.args...)...); code != 64 || !strings.Contains(errs, c.want) {
			t.Errorf("%q: exit code %d, %s%s", c.args, code, out, errs)
		}
	}
}
