package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"lagermeister/internal/program"
	"lagermeister/sink"
)

// target is where to send and how.
type target struct {
	address       string
	timeout       time.Duration
	ca, cert, key string // files
}

// outlet takes portions of whole frames. An error of send or finish says what
// the receiver said.
type outlet interface {
	send(frames []byte, records int) error
	finish() error  // nothing more comes
	report() string // after finish: what became of it, for people
	close()
}

// open reads the address and, for TCP, connects.
func (t *target) open(ctx context.Context) (outlet, error) {
	address := t.address
	if !strings.Contains(address, "://") {
		address = "tcp://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, usageError("--to %q: want host:port, or tcp, tls, http or https and ://…", masked(t.address))
	}
	settings, err := t.tls(u.Hostname())
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "http", "https":
		transport := &http.Transport{TLSClientConfig: settings, Proxy: http.ProxyFromEnvironment}
		return &httpOutlet{ctx: ctx, url: address, shown: u.Redacted(), client: &http.Client{Transport: transport, Timeout: t.timeout}}, nil
	case "tcp", "tls":
		if u.Port() == "" {
			return nil, usageError("--to %q: want host:port", masked(t.address))
		}
		dialer := &net.Dialer{Timeout: t.timeout}
		conn, err := dialer.DialContext(ctx, "tcp", u.Host)
		if err != nil {
			return nil, away(err)
		}
		if u.Scheme == "tls" {
			conn = tls.Client(conn, settings)
		}
		return &tcpOutlet{conn: conn, address: u.Host, timeout: t.timeout}, nil
	}
	return nil, usageError("--to %q: scheme %q is unknown: want tcp, tls, http or https", masked(t.address), u.Scheme)
}

func (t *target) tls(host string) (*tls.Config, error) {
	settings := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if t.ca != "" {
		pem, err := os.ReadFile(t.ca)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca %s: holds no certificate in PEM", t.ca)
		}
	}
	if t.cert != "" || t.key != "" {
		pair, err := tls.LoadX509KeyPair(t.cert, t.key)
		if err != nil {
			return nil, fmt.Errorf("--cert %q, --key %q: %w", t.cert, t.key, err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	return settings, nil
}

// away gives an error that says that nobody could be reached its exit code.
func away(err error) error {
	if failed := (*net.OpError)(nil); errors.As(err, &failed) && failed.Op == "dial" {
		return program.Exit(program.ExitUnavailable, err)
	}
	return err
}

// masked is an address without what stands before its host, which may be a password.
func masked(address string) string {
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		return "…" + address[at:]
	}
	return address
}

// tcpOutlet speaks Heka's protocol.
type tcpOutlet struct {
	conn    net.Conn
	address string
	timeout time.Duration

	records, bytes int
}

func (o *tcpOutlet) send(frames []byte, records int) error {
	o.conn.SetWriteDeadline(time.Now().Add(o.timeout))
	if _, err := o.conn.Write(frames); err != nil {
		return fmt.Errorf("send %d records, %d bytes, after %d records: %w", records, len(frames), o.records, err)
	}
	o.records += records
	o.bytes += len(frames)
	return nil
}

// finish ends our half and waits until the receiver has read it and ends its
// own: a reset tells that it has not.
func (o *tcpOutlet) finish() error {
	o.conn.SetDeadline(time.Now().Add(o.timeout))
	half, ok := o.conn.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	if err := half.CloseWrite(); err != nil {
		return fmt.Errorf("%d records sent, connection broke at the end: %w", o.records, err)
	}
	_, err := io.Copy(io.Discard, o.conn)
	if err != nil {
		return fmt.Errorf("%d records sent, but the receiver did not take leave, perhaps it has not read them all: %w", o.records, err)
	}
	return nil
}

func (o *tcpOutlet) report() string {
	return fmt.Sprintf("sent %d records, %d bytes, to %s (TCP: no answer; the receiver has read them)", o.records, o.bytes, o.address)
}

func (o *tcpOutlet) close() { o.conn.Close() }

// httpOutlet posts portions and adds up the answers.
type httpOutlet struct {
	ctx    context.Context
	url    string
	shown  string // without password
	client *http.Client

	requests, records, stored, filtered int
}

func (o *httpOutlet) send(frames []byte, records int) error {
	req, err := http.NewRequestWithContext(o.ctx, http.MethodPost, o.url, bytes.NewReader(frames))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := o.client.Do(req)
	if err != nil {
		return away(fmt.Errorf("%d records stored before; of the next %d nothing is known: %w", o.stored, records, err))
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4096)) // for people only
	if resp.StatusCode != http.StatusOK {
		text := sink.Words(answer)
		if after := resp.Header.Get("Retry-After"); after != "" {
			text += " (retry after " + after + " s)"
		}
		return fmt.Errorf("%d records stored before; for the next %d %s answered %s: %s", o.stored, records, o.shown, sink.Words([]byte(resp.Status)), text)
	}
	stored, err1 := strconv.Atoi(resp.Header.Get("Lm-Stored"))
	filtered, err2 := strconv.Atoi(resp.Header.Get("Lm-Filtered"))
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("%s answered %s without saying what it stored; is it an http_receiver? %w", o.shown, sink.Words([]byte(resp.Status)), err)
	}
	o.requests++
	o.records += records
	o.stored += stored
	o.filtered += filtered
	return nil
}

func (o *httpOutlet) finish() error { return nil }

func (o *httpOutlet) report() string {
	return fmt.Sprintf("%s answered 200: of %d records in %d requests %d stored, %d filtered by its match spec", o.shown, o.records, o.requests, o.stored, o.filtered)
}

func (o *httpOutlet) close() { o.client.CloseIdleConnections() }
