package httpclient

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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
