package searchstore

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/heka/matcher"
	"lagermeister/heka/recordid"
	"lagermeister/search"
)

func quiet() *logrus.Logger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	s, err := Open(cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// bulk writes what our sink would send: each body is a message, the records
// stand side by side in block sequence.
type bulk struct {
	buf      bytes.Buffer
	origin   string
	sequence uint64
	cut      time.Time
	ids      []string
}

func newBulk(sequence uint64) *bulk {
	return &bulk{origin: fmt.Sprint("block-", sequence), sequence: sequence, cut: time.Unix(1_700_000_000, 0)}
}

func (b *bulk) add(index string, body []byte) *bulk {
	return b.addAs(index, heka.AppendFrame(nil, body), body)
}

// addAs adds a message that came as the given bytes: a frame, or bare.
func (b *bulk) addAs(index string, stored, body []byte) *bulk {
	var m heka.Message
	if err := m.Parse(body); err != nil {
		panic(err)
	}
	var hasher recordid.Hasher
	var encoder, _ = encode.New("ecs", nil, nil)
	at := len(b.ids)
	id := hasher.Append(nil, &m, b.origin, at)
	b.ids = append(b.ids, string(id))
	frame := base64.StdEncoding.EncodeToString(stored)
	fmt.Fprintf(&b.buf, `{"create":{"_index":"%s","_id":"%s","lm_frame":"%s"}}`+"\n", index, id, frame)
	b.buf.Write(encoder.Append(nil, &encode.Record{Message: &m, Sequence: b.sequence, Index: at, Cut: b.cut}))
	b.buf.WriteByte('\n')
	return b
}

func (b *bulk) drafts(index string, drafts ...heka.Draft) *bulk {
	for i := range drafts {
		b.add(index, drafts[i].Append(nil))
	}
	return b
}

// post sends a body and returns the status of each item.
func post(t testing.TB, h http.Handler, body []byte) []int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/_bulk", bytes.NewReader(body)))
	if w.Code != http.StatusOK {
		t.Fatalf("bulk answered %d: %s", w.Code, w.Body)
	}
	return statuses(t, w.Body.Bytes())
}

func statuses(t testing.TB, body []byte) (list []int) {
	t.Helper()
	var answer struct {
		Errors bool
		Items  []map[string]struct{ Status int }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	failed := false
	for _, item := range answer.Items {
		list = append(list, item["create"].Status)
		failed = failed || item["create"].Status >= 300
	}
	if failed != answer.Errors {
		t.Errorf("errors is %v, statuses are %v", answer.Errors, list)
	}
	return list
}

func count(list []int, status int) (n int) {
	for _, s := range list {
		if s == status {
			n++
		}
	}
	return n
}

// pages turns all pages of a request.
func pages(t testing.TB, s search.Store, r search.Request) (records []search.Record, last search.Answer) {
	t.Helper()
	for {
		answer, err := s.Search(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, answer.Records...)
		if answer.Next == "" {
			return records, answer
		}
		if answer.Next == r.Cursor {
			t.Fatalf("the cursor %q leads to itself", r.Cursor)
		}
		r.Cursor = answer.Next
	}
}

func spec(t testing.TB, text string) *matcher.Spec {
	t.Helper()
	s, err := matcher.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// draft is an ordinary message; n makes it different from all others.
func draft(n int, at int64) heka.Draft {
	uuid := make([]byte, 16)
	copy(uuid, fmt.Sprintf("uuid %011d", n))
	return heka.Draft{
		UUID: uuid, Timestamp: at, Type: []string{"nginx.access", "app", "kernel"}[n%3], Logger: "test", Severity: int32(n % 8),
		Payload: fmt.Sprintf("record %d: connection from 10.0.0.%d timed out", n, n%256), Pid: int32(n % 100), Hostname: fmt.Sprintf("web-%02d", n%5),
		Fields: []heka.DraftField{{Name: "n", Type: heka.IntegerType, Integers: []int64{int64(n)}}},
	}
}
