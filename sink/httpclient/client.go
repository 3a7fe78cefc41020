package httpclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/sink"
)

// Bounds of what is read of an answer, in bytes. An answer that goes beyond
// maxAnswer is not believed; of an error page only the beginning is looked at.
const (
	maxAnswer = 64 << 20
	maxError  = 64 << 10
	maxHeader = 64 << 10
	unasked   = 1 << 20 // memory given on the word of Content-Length
)

// Client makes requests to a far end with one or more endpoints. It is safe for
// concurrent use.
type Client struct {
	conf      Config
	http      *http.Client
	endpoints *endpoints
	secrets   *strings.Replacer
	log       logrus.FieldLogger
	metrics   *metrics
}

// New returns a client for urls (see ParseURLs); no connection is made yet.
// name is the sink's, for metrics.
func New(name string, conf Config, urls []*url.URL, log logrus.FieldLogger, reg prometheus.Registerer) (*Client, error) {
	if err := conf.Validate(); err != nil {
		return nil, err
	}
	var authorization string
	if list := conf.authorizations(); len(list) > 0 {
		authorization = list[0]
	}
	transport, err := conf.transport()
	if err != nil {
		return nil, err
	}
	c := &Client{
		conf: conf,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		endpoints: newEndpoints(urls, authorization),
		secrets:   conf.replacer(urls),
		log:       log,
		metrics:   newMetrics(reg, name),
	}
	for _, e := range c.endpoints.list {
		c.metrics.endpointUp(e.name, true)
	}
	return c, nil
}

// Close closes connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request is one attempt.
type Request struct {
	Method string
	Path   string // appended to the endpoint's path; with the query, or empty
	Header map[string]string
	Body   *Body  // may be nil; the caller's to release
	What   string // what the request carries, for errors: "1000 records"
}

func (r *Request) attempt(e *endpoint) string {
	path, _, _ := strings.Cut(r.Path, "?")
	s := r.Method + " " + e.name + path
	if r.What != "" {
		s += ", " + r.What
	}
	return s
}

// Do makes one request to the next endpoint in turn and reads its answer into
// answer, which is emptied first. It returns the attempt in words. Any status
// but 2xx, and an answer that did not arrive whole, is a *sink.Error by the
// table of answers; JudgeBatch's column holds.
func (c *Client) Do(ctx context.Context, r Request, answer *bytes.Buffer) (attempt string, failure *sink.Error) {
	start := time.Now()
	e := c.endpoints.pick(start)
	attempt = r.attempt(e)
	answer.Reset()

	timed, cancel := context.WithTimeoutCause(ctx, c.conf.Timeout, errTimeout)
	defer cancel()
	resp, err := c.post(timed, e, &r)
	if err == nil {
		err = read(resp, answer)
		resp.Body.Close()
	}
	failure = c.judge(timed, attempt, resp, answer.Bytes(), err)
	status := http.StatusOK
	if failure != nil {
		status = failure.Status
	}
	c.metrics.requestDone(status, time.Since(start), r.Body)
	if ctx.Err() == nil { // else the end was ours
		ill := status == 0 || status >= 500 // a busy (429) or strict endpoint is a well one
		if c.endpoints.report(e, start, time.Now(), !ill) {
			c.endpointChanged(e, ill, failure)
		}
	}
	return attempt, failure
}

var errTimeout = errors.New("REMOTE_TIMEOUT")

// post sends the request; its answer's body is the caller's to close.
func (c *Client) post(ctx context.Context, e *endpoint, r *Request) (*http.Response, error) {
	path, query, _ := strings.Cut(r.Path, "?")
	u := *e.url
	u.Path += path
	if u.RawPath != "" {
		u.RawPath += path
	}
	if u.Path == "" {
		u.Path = "/"
	}
	if query != "" {
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+query, "&")
	}
	req := (&http.Request{
		Method: r.Method,
		URL:    &u,
		Host:   u.Host,
		Header: http.Header{"User-Agent": {"lagermeister"}},
	}).WithContext(ctx)
	if e.authorization != "" {
		req.Header.Set("Authorization", e.authorization)
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	if r.Body != nil {
		if r.Body.finish() {
			req.Header.Set("Content-Encoding", "gzip")
		}
		req.ContentLength = int64(r.Body.size())
		req.Body = r.Body.reader()
		// For a connection that was closed while idle, before a byte was sent.
		req.GetBody = func() (io.ReadCloser, error) { return r.Body.reader(), nil }
	}
	return c.http.Do(req)
}

func read(resp *http.Response, answer *bytes.Buffer) error {
	limit := int64(maxAnswer)
	if resp.StatusCode/100 != 2 {
		limit = maxError
	}
	if resp.ContentLength > 0 {
		answer.Grow(int(min(resp.ContentLength, limit, unasked)) + bytes.MinRead)
	}
	n, err := answer.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return fmt.Errorf("answer broke off after %d bytes: %w", n, err)
	}
	if n > maxAnswer {
		return fmt.Errorf("answer is longer than %d bytes", int64(maxAnswer))
	}
	return nil
}

// judge returns nil for a whole answer with a 2xx status.
func (c *Client) judge(ctx context.Context, attempt string, resp *http.Response, body []byte, err error) *sink.Error {
	failure := &sink.Error{Attempt: attempt, Err: c.cause(ctx, err)}
	if resp != nil {
		failure.Status = resp.StatusCode
		switch {
		case failure.Status/100 == 2 && err == nil:
			return nil
		case failure.Status/100 == 2:
			failure.Status = 0 // nobody has answered
		default:
			failure.Err = nil // the status says enough, wherever its page broke off
			failure.Type, failure.Reason = explain(resp, body)
			failure.Type, failure.Reason = c.secrets.Replace(failure.Type), c.secrets.Replace(failure.Reason)
			failure.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
		}
	}
	failure.Class = sink.JudgeBatch(failure.Status, failure.Type).Class()
	return failure
}

// cause strips the URL from err and says whose time was up.
func (c *Client) cause(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTimeout):
		return fmt.Errorf("no whole answer within %s (REMOTE_TIMEOUT): %w", c.conf.Timeout, context.DeadlineExceeded)
	case cause != nil:
		return cause
	}
	return err
}

func (c *Client) endpointChanged(e *endpoint, ill bool, failure *sink.Error) {
	c.metrics.endpointUp(e.name, !ill)
	if len(c.endpoints.list) == 1 {
		return // nobody to turn to: the subscriber's back-off tells the story
	}
	if log := c.log.WithField("endpoint", e.name); ill {
		log.WithError(failure).Warn("endpoint rests, the others take its work")
	} else {
		log.Info("endpoint is used again")
	}
}

// Probe asks one endpoint whether an attempt is worth making. Only what would
// surely stop an attempt is an error: no answer, 408, 425, 429, 5xx, and a
// refused login (401, 407). An account may be allowed to write but not to ask.
func (c *Client) Probe(ctx context.Context, method, path string) error {
	var answer bytes.Buffer
	_, failure := c.Do(ctx, Request{Method: method, Path: path}, &answer)
	if failure != nil && (failure.Class == sink.Again ||
		failure.Status == http.StatusUnauthorized || failure.Status == http.StatusProxyAuthRequired) {
		return failure
	}
	return nil
}
