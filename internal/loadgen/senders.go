package loadgen

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// trouble is what went wrong so far: how often something was sent again, and the
// latest reason.
type trouble struct {
	retries atomic.Uint64
	last    atomic.Value // string
}

func (t *trouble) add(reason string) {
	t.retries.Add(1)
	t.last.Store(reason)
}

// pause waits before another try: 100 ms, doubling to 2 s.
func pause(ctx context.Context, try int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(firstPause<<min(try, 8), lastPause)):
		return nil
	}
}

// tcpSender writes frames to one connection and makes a new one when it breaks.
// What was written when it broke is written again: the records are the same
// bytes with the same uuid, so a second copy is the same record.
type tcpSender struct {
	address string
	trouble *trouble
	conn    net.Conn
}

func (t *tcpSender) send(ctx context.Context, frames []byte) (refused bool, err error) {
	for try := 0; ; try++ {
		if err = t.write(ctx, frames); err == nil {
			return false, nil
		}
		t.close()
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		t.trouble.add(err.Error())
		if pause(ctx, try) != nil {
			return false, fmt.Errorf("send %d bytes to %s: %w", len(frames), t.address, err)
		}
	}
}

func (t *tcpSender) write(ctx context.Context, frames []byte) (err error) {
	if t.conn == nil {
		var dialer net.Dialer
		if t.conn, err = dialer.DialContext(ctx, "tcp", t.address); err != nil {
			return err
		}
	}
	conn := t.conn
	cancel := context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer cancel()
	_, err = conn.Write(frames)
	return err
}

func (t *tcpSender) close() {
	if t.conn != nil {
		t.conn.Close()
		t.conn = nil
	}
}

// httpSender posts frames and waits for the answer; what was not answered for
// good is posted again.
type httpSender struct {
	url     string
	trouble *trouble
	client  *http.Client
}

func newHTTPSender(url string, t *trouble) *httpSender {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	return &httpSender{url: url, trouble: t, client: &http.Client{Transport: transport, Timeout: 30 * time.Second}}
}

func (h *httpSender) send(ctx context.Context, frames []byte) (refused bool, err error) {
	for try := 0; ; try++ {
		status, answer, err := h.post(ctx, frames)
		switch {
		case err == nil && status == http.StatusOK:
			return false, nil
		case err == nil && (status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge):
			return true, nil
		case err == nil && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
			return false, fmt.Errorf("POST %s: answered %d: %s", h.url, status, answer)
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil {
			answer = err.Error()
		}
		h.trouble.add(fmt.Sprintf("%d %s", status, answer))
		if pause(ctx, try) != nil {
			return false, ctx.Err()
		}
	}
}

func (h *httpSender) post(ctx context.Context, frames []byte) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(frames))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return resp.StatusCode, strings.TrimSpace(string(body)), err
}

func (h *httpSender) close() { h.client.CloseIdleConnections() }
