package httpclient

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"lagermeister/sink"
)

func TestAnAnswersLengthIsNotBelievedBeforeItCame(t *testing.T) {
	t.Parallel()
	var answer bytes.Buffer
	resp := &http.Response{StatusCode: http.StatusOK, ContentLength: maxAnswer, Body: io.NopCloser(strings.NewReader("{}"))}
	if err := read(resp, &answer); err != nil || answer.String() != "{}" {
		t.Fatalf("%q, %v", answer.String(), err)
	}
	if held := answer.Cap(); held > 2*unasked {
		t.Errorf("%d bytes held for an answer of 2", held)
	}
}

func TestAnAnswerWithTooLargeAHeaderIsTriedAgain(t *testing.T) {
	t.Parallel()
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 2*maxHeader))
	}))
	defer far.Close()
	c := newClient(t, Config{}, far.URL)
	var answer bytes.Buffer
	if _, failure := c.Do(t.Context(), Request{Method: http.MethodGet}, &answer); failure == nil || failure.Class != sink.Again {
		t.Errorf("%v, want an error that is tried again", failure)
	}
}

// A body of any size leaves its connection fit for the next one. (net/http gives a
// connection up when a busy machine holds its goroutines back for 50 ms, so that some
// may be lost here.)
func TestBodiesOfAnySizeLeaveTheirConnectionInUse(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	far := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != r.ContentLength {
			t.Errorf("%d of %d bytes came: %v", n, r.ContentLength, err)
		}
	}))
	far.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	far.Start()
	defer far.Close()
	c := newClient(t, Config{}, far.URL)
	sizes := []int{1, 4000, chunk - 1, chunk, chunk + 1, 10 * chunk, 1}
	for _, size := range sizes {
		body := c.NewBody()
		body.Lend(make([]byte, size))
		var answer bytes.Buffer
		if _, failure := c.Do(t.Context(), Request{Method: http.MethodPost, Body: body}, &answer); failure != nil {
			t.Errorf("%d bytes: %v", size, failure)
		}
		body.Release()
	}
	if n := int(connections.Load()); n == len(sizes) {
		t.Errorf("%d connections for %d requests", n, len(sizes))
	}
}
