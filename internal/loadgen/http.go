package loadgen

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	requestTimeout = 30 * time.Second // for a request and its answer
	idleLimit      = 10 * time.Second // a server may close a connection that was idle longer
)

// httpSender posts frames over one connection and waits for the answer; what was
// not answered for good is posted again. It speaks HTTP/1.1 itself, and without
// a proxy: net/http's client takes several times the CPU for a request, most of
// it to pass it between goroutines.
type httpSender struct {
	url     string // for errors, without a password
	dialer  dialer
	address string
	head    []byte // of every request, up to the value of Content-Length
	trouble *trouble

	conn    *connection // nil: to be made
	answers *bufio.Reader
	request []byte    // reused
	used    time.Time // when conn was last
}

// newHTTPSender makes a sender to target, which checkURL has found valid.
func newHTTPSender(target string, t *trouble) *httpSender {
	u, _ := url.Parse(target)
	h := &httpSender{url: u.Redacted(), dialer: &net.Dialer{}, trouble: t, answers: bufio.NewReader(nil)}
	port := "80"
	if u.Scheme == "https" {
		h.dialer, port = &tls.Dialer{}, "443"
	}
	h.address = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
	h.head = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: log_generator\r\n", u.RequestURI(), u.Host)
	if u.User != nil {
		password, _ := u.User.Password()
		login := base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password))
		h.head = fmt.Appendf(h.head, "Authorization: Basic %s\r\n", login)
	}
	h.head = append(h.head, "Content-Type: application/octet-stream\r\nContent-Length: "...)
	return h
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

// post sends one request and reads its answer, of whose text it returns 4 KiB at
// most. After an error, and where the server asks for it, the connection is closed.
func (h *httpSender) post(ctx context.Context, frames []byte) (status int, answer string, err error) {
	now := time.Now()
	if now.Sub(h.used) > idleLimit {
		h.close()
	}
	if h.conn == nil {
		if h.conn, err = connect(ctx, h.dialer, h.address); err != nil {
			return 0, "", err
		}
		h.answers.Reset(h.conn)
	}
	h.request = strconv.AppendInt(append(h.request[:0], h.head...), int64(len(frames)), 10)
	h.request = append(append(h.request, "\r\n\r\n"...), frames...)
	_ = h.conn.SetDeadline(now.Add(requestTimeout))
	_, unsent := h.conn.Write(h.request)
	status, answer, last, err := readAnswer(h.answers) // also when unsent: a refusal need not wait for all of a request
	if unsent != nil && err != nil {
		err = unsent
	}
	if last || unsent != nil || err != nil {
		h.close()
	}
	h.used = time.Now()
	return status, answer, err
}

// readAnswer reads one answer; last says that the server takes no other request.
func readAnswer(r *bufio.Reader) (status int, answer string, last bool, err error) {
	resp, err := http.ReadResponse(r, nil)
	for err == nil && resp.StatusCode < 200 { // 100 Continue and its like come before the answer
		resp, err = http.ReadResponse(r, nil)
	}
	if err != nil {
		return 0, "", true, fmt.Errorf("read answer: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	resp.Body.Close() // reads the rest
	return resp.StatusCode, strings.TrimSpace(string(body)), resp.Close, err
}

func (h *httpSender) close() {
	if h.conn != nil {
		h.conn.Close()
		h.conn = nil
	}
}
