package httpclient

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/sirupsen/logrus"

	"lagermeister/sink"
)

func newClient(t *testing.T, conf Config, urls ...string) *Client {
	t.Helper()
	if conf.Timeout == 0 {
		conf.Timeout = time.Minute
	}
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	c, err := New("test", conf, parseURLs(t, urls...), quiet, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// post makes one request with a body of text.
func post(c *Client, text string) (string, *sink.Error) {
	body := c.NewBody()
	defer body.Release()
	io.WriteString(body, text)
	var answer bytes.Buffer
	_, failure := c.Do(context.Background(), Request{Method: "POST", Path: "/_bulk?x=1", Body: body, What: "7 records"}, &answer)
	return answer.String(), failure
}

func TestCredentialsAreSent(t *testing.T) {
	t.Parallel()
	far := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("Authorization")+" "+r.RequestURI)
	})
	withUser := strings.Replace(far.URL, "http://", "http://joe:p%40ss@", 1)
	for _, c := range []struct {
		conf Config
		url  string
		want string
	}{
		{Config{}, far.URL, " /_bulk?x=1"},
		{Config{Username: "joe", Password: "p@ss"}, far.URL, "Basic am9lOnBAc3M= /_bulk?x=1"},
		{Config{}, withUser + "/base/?a=b", "Basic am9lOnBAc3M= /base/_bulk?a=b&x=1"},
		{Config{APIKey: "id:key"}, far.URL + "/", "ApiKey aWQ6a2V5 /_bulk?x=1"},
		{Config{BearerToken: "abc.def"}, far.URL + "/a%2Fb", "Bearer abc.def /a%2Fb/_bulk?x=1"},
	} {
		if got, failure := post(newClient(t, c.conf, c.url), ""); failure != nil || got != c.want {
			t.Errorf("got %q, %v, want %q", got, failure, c.want)
		}
	}
}

func TestNoSecretAppearsInAnError(t *testing.T) {
	t.Parallel()
	echo := serve(t, func(w http.ResponseWriter, r *http.Request) { // what some gateways do
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "Cannot POST "+r.RequestURI+" with "+r.Header.Get("Authorization"))
	})
	const nobody = "http://127.0.0.1:1" // no test is given a port that low
	for _, far := range []string{echo.URL, nobody} {
		for _, c := range []struct {
			conf Config
			url  string
		}{
			{Config{Username: "joe", Password: "geheim-1"}, far},
			{Config{APIKey: "geheim:geheim-1"}, far},
			{Config{BearerToken: "geheim-1"}, far},
			{Config{}, strings.Replace(far, "http://", "http://joe:geheim-1@", 1)},
			{Config{}, far + "/receiver/v1/http/geheim-1geheim=="},
			{Config{}, far + "/?token=geheim-1"},
		} {
			_, failure := post(newClient(t, c.conf, c.url), "x")
			if failure == nil {
				t.Fatal("no error")
			}
			text := failure.Error() + failure.Reason + failure.Type
			for _, secret := range []string{"geheim", "Z2VoZWlt", "am9lOm"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s shows %s", text, secret)
				}
			}
			if !strings.HasPrefix(failure.Error(), "POST "+far+"/_bulk, 7 records: ") {
				t.Errorf("%s does not say what was attempted", failure)
			}
		}
	}
}

func TestAnswersThatAreNoneAreTriedAgain(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"hang": {func(http.ResponseWriter, *http.Request) { <-stop }, "no whole answer within 200ms (REMOTE_TIMEOUT)"},
		"hang after the head": {func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			<-stop
		}, "no whole answer within 200ms (REMOTE_TIMEOUT)"},
		"cut": {func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, "EOF"},
		"half": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "answer broke off after 4 bytes"},
		"no HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(conn, "SSH-2.0-OpenSSH_9.7\r\n")
			conn.Close()
		}, "malformed HTTP"},
	} {
		far := serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // else the connection is reset
			c.answer(w, r)
		})
		conf := Config{}
		if strings.HasPrefix(name, "hang") {
			conf.Timeout = 200 * time.Millisecond
		}
		client := newClient(t, conf, far.URL)
		_, failure := post(client, strings.Repeat("x", 1<<20))
		if failure == nil || failure.Class != sink.Again || failure.Status != 0 || !strings.Contains(failure.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, failure, c.want)
		}
	}
	close(stop)
}

func TestStatusDecidesTheClass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		header [2]string
		body   string
		want   sink.Error
	}{
		{503, [2]string{"Retry-After", "3"}, "", sink.Error{Class: sink.Again, RetryAfter: 3 * time.Second, Reason: "service unavailable"}},
		{429, [2]string{"Retry-After", "1"}, `{"error":{"type":"circuit_breaking_exception","reason":"too\nmuch"}}`,
			sink.Error{Class: sink.Again, RetryAfter: time.Second, Type: "circuit_breaking_exception", Reason: "too much"}},
		{413, [2]string{}, "<html>big</html>", sink.Error{Class: sink.Split, Reason: "<html>big</html>"}},
		{401, [2]string{}, `{"error":"who are you"}`, sink.Error{Class: sink.Pause, Reason: "who are you"}},
		{302, [2]string{"Location", "https://u:geheim@login/x?token=geheim"}, "", sink.Error{Class: sink.Pause, Type: "redirect",
			Reason: "redirects are not followed; set the URL it leads to, at https://login"}},
		{307, [2]string{"Location", "/other"}, "", sink.Error{Class: sink.Pause, Type: "redirect", Reason: "redirects are not followed; set the URL it leads to"}},
		{404, [2]string{}, `{"error":{"type":"index_not_found_exception","reason":"no such index"}}`,
			sink.Error{Class: sink.Pause, Type: "index_not_found_exception", Reason: "no such index"}},
		{400, [2]string{}, `{"error":"no handler found for uri [/x/_bulk] and method [POST]"}`,
			sink.Error{Class: sink.Pause, Type: sink.NoHandler, Reason: "no handler found for uri [/x/_bulk] and method [POST]"}},
		{400, [2]string{}, "<h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port",
			sink.Error{Class: sink.Pause, Type: sink.PlainHTTP, Reason: "<h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port"}},
		{500, [2]string{}, strings.Repeat("long ", 1e6), sink.Error{Class: sink.Again, Reason: sink.Words([]byte(strings.Repeat("long ", 1000)))}},
	} {
		var posts atomic.Int32
		far := serve(t, func(w http.ResponseWriter, r *http.Request) {
			posts.Add(1)
			if c.header[0] != "" {
				w.Header().Set(c.header[0], c.header[1])
			}
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		})
		_, failure := post(newClient(t, Config{}, far.URL), "x")
		c.want.Status = c.status
		c.want.Attempt = "POST " + far.URL + "/_bulk, 7 records"
		if failure == nil || *failure != c.want {
			t.Errorf("status %d:\ngot  %+v\nwant %+v", c.status, failure, c.want)
		}
		if posts.Load() != 1 {
			t.Errorf("status %d: %d requests for one attempt", c.status, posts.Load())
		}
	}
}

func TestTheEndOfTheContextIsNoFailureOfTheEndpoint(t *testing.T) {
	t.Parallel()
	arrived, stop := make(chan struct{}), make(chan struct{})
	far := serve(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-stop })
	defer close(stop)
	c := newClient(t, Config{}, far.URL)
	why := errors.New("the program ends")
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() { <-arrived; cancel(why) }()
	_, failure := c.Do(ctx, Request{Method: "POST"}, new(bytes.Buffer))
	if failure == nil || !errors.Is(failure, why) || failure.Class != sink.Again {
		t.Errorf("got %v, want %v", failure, why)
	}
	if c.endpoints.list[0].rest != 0 {
		t.Error("the endpoint rests")
	}
}

func TestAFailingEndpointIsLeftToItsNeighbours(t *testing.T) {
	t.Parallel()
	var ill atomic.Bool
	var posts [2]atomic.Int32
	handler := func(i int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			posts[i].Add(1)
			if i == 0 && ill.Load() {
				w.WriteHeader(http.StatusBadGateway)
			}
		}
	}
	a, b := serve(t, handler(0)), serve(t, handler(1))
	c := newClient(t, Config{}, a.URL, b.URL)
	for range 10 {
		post(c, "x")
	}
	if posts[0].Load() != 5 || posts[1].Load() != 5 {
		t.Errorf("two well endpoints got %d and %d of 10", posts[0].Load(), posts[1].Load())
	}
	restUntil := func(until time.Time) { // so that a slow machine does not see the end of the rest
		c.endpoints.mu.Lock()
		defer c.endpoints.mu.Unlock()
		c.endpoints.list[0].until = until
	}
	ill.Store(true)
	failures := 0
	for range 10 {
		if _, failure := post(c, "x"); failure != nil {
			failures++
			restUntil(time.Now().Add(time.Hour))
		}
	}
	if failures != 1 {
		t.Errorf("%d of 10 attempts failed, want 1: the one that found it out", failures)
	}
	if up := testutil.ToFloat64(c.metrics.up.WithLabelValues(a.URL)); up != 0 {
		t.Errorf("endpoint_up of the ill one is %v", up)
	}
	ill.Store(false)
	restUntil(time.Now())
	for deadline := time.Now().Add(time.Minute); testutil.ToFloat64(c.metrics.up.WithLabelValues(a.URL)) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the endpoint is well again and not used")
		}
		post(c, "x")
		time.Sleep(10 * time.Millisecond)
	}
}

// Half of the bodies are lent memory that is overwritten as soon as they are
// released, while the transport may still be sending.
func TestABodyIsNotReadOnceItIsReleased(t *testing.T) {
	t.Parallel()
	far := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Lm-Early") != "" {
			w.WriteHeader(http.StatusTooManyRequests) // answered while the body is under way
			return
		}
		body, _ := io.ReadAll(r.Body)
		if n := bytes.Count(body, []byte{body[0]}); n != len(body) {
			t.Errorf("a body of %d bytes holds %d of another", len(body), len(body)-n)
		}
	})
	c := newClient(t, Config{}, far.URL)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var answer bytes.Buffer
			memory := make([]byte, 1<<20)
			for j := range 20 {
				for k := range memory {
					memory[k] = 'a' + byte(i+j)
				}
				body := c.NewBody()
				if i%2 == 0 {
					body.Write(memory)
				} else {
					body.Lend(memory)
				}
				header := map[string]string{}
				if j%2 == 0 {
					header["Lm-Early"] = "1"
				}
				c.Do(context.Background(), Request{Method: "POST", Header: header, Body: body}, &answer)
				body.Release()
			}
		})
	}
	wg.Wait()
}

// A body of many pieces arrives whole and in order, and what stands side by side
// is one piece.
func TestABodyIsItsPiecesInOrder(t *testing.T) {
	t.Parallel()
	far := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	})
	for _, gzip := range []bool{false, true} {
		c := newClient(t, Config{}, far.URL)
		c.conf.Gzip = gzip
		body := c.NewBody()
		lent := bytes.Repeat([]byte("0123456789"), 10_000)
		var want []byte
		for i := 0; i < len(lent); i += 10_000 {
			if i == 50_000 {
				written := bytes.Repeat([]byte{'w'}, 40_000)
				body.Write(written[:20_000])
				body.Write(written[20_000:])
				want = append(want, written...)
			}
			body.Lend(lent[i : i+10_000])
			want = append(want, lent[i:i+10_000]...)
		}
		body.Lend(nil)
		body.Lend(lent[:5:5])
		body.Lend(lent[5:10]) // beyond what the piece before may grow to
		want = append(want, lent[:10]...)
		if body.Len() != len(want) || len(body.pieces) > 6 {
			t.Errorf("%d bytes in %d pieces", body.Len(), len(body.pieces))
		}
		if !gzip {
			var answer bytes.Buffer
			if _, failure := c.Do(t.Context(), Request{Method: "POST", Body: body}, &answer); failure != nil || answer.String() != string(want) {
				t.Errorf("got %d bytes, %v", answer.Len(), failure)
			}
		} else if body.finish(); len(body.pieces) != 1 || body.size() > len(want)/10 {
			t.Errorf("%d bytes in %d pieces", body.size(), len(body.pieces))
		}
		body.Release()
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a line\n", 10000)
	far := serve(t, func(w http.ResponseWriter, r *http.Request) {
		zr, err := gzip.NewReader(r.Body)
		if err != nil || r.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Errorf("header %v: %v", r.Header, err)
			return
		}
		got, err := io.ReadAll(zr)
		if err != nil || string(got) != text {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		w.Header().Set("Content-Encoding", "gzip")
		zw := gzip.NewWriter(w)
		io.WriteString(zw, "packed")
		zw.Close()
	})
	c := newClient(t, Config{Gzip: true}, far.URL)
	for range 3 {
		if got, failure := post(c, text); failure != nil || got != "packed" {
			t.Errorf("got %q, %v", got, failure)
		}
	}
	raw, wire := testutil.ToFloat64(c.metrics.raw), testutil.ToFloat64(c.metrics.wire)
	if raw != float64(3*len(text)) || wire > raw/10 {
		t.Errorf("counted %v raw and %v wire bytes", raw, wire)
	}
}

func TestProbeFailsOnlyWhenAnAttemptWould(t *testing.T) {
	t.Parallel()
	for status, ok := range map[int]bool{200: true, 404: true, 405: true, 403: true, 400: true,
		401: false, 407: false, 408: false, 429: false, 500: false, 503: false} {
		far := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if err := newClient(t, Config{}, far.URL).Probe(context.Background(), "GET", "/"); (err == nil) != ok {
			t.Errorf("status %d: %v", status, err)
		}
	}
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	far := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	far.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert}
	far.Config.ErrorLog = log.New(io.Discard, "", 0)
	far.StartTLS()
	t.Cleanup(far.Close)

	if got, failure := post(newClient(t, Config{CA: cert, Cert: cert, Key: key}, far.URL), "x"); failure != nil || got != "lagermeister test" {
		t.Errorf("got %q, %v", got, failure)
	}
	if _, failure := post(newClient(t, Config{Cert: cert, Key: key}, far.URL), "x"); failure == nil || failure.Class != sink.Again ||
		!strings.Contains(failure.Error(), "certificate") {
		t.Errorf("without the authority: %v", failure)
	}
	if _, failure := post(newClient(t, Config{CA: cert}, far.URL), "x"); failure == nil || failure.Class != sink.Again {
		t.Errorf("without our certificate: %v", failure)
	}
}

// certificate writes a self-signed certificate for 127.0.0.1 and its key.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "lagermeister test"},
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", keyDER)
}

func TestAPlainClientAuthenticatesUnlessTheRequestDoes(t *testing.T) {
	t.Parallel()
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
	}))
	defer server.Close()
	conf := Config{APIKey: "id:key", Timeout: time.Minute}
	client, err := conf.Plain()
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range []string{"", "Basic eA=="} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if own != "" {
			req.Header.Set("Authorization", own)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if want := []string{"ApiKey aWQ6a2V5", "Basic eA=="}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
