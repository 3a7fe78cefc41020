package searchstore

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"lagermeister/heka"
	"lagermeister/search"
)

const day = int64(24 * time.Hour)

func TestWhatIsStoredIsFoundAsItCame(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	b := newBulk(7).drafts("logs-a", draft(1, day), draft(2, 2*day), draft(3, 3*day))
	if got := post(t, s.Handler(), b.buf.Bytes()); count(got, 201) != 3 {
		t.Fatalf("statuses %v", got)
	}
	records, last := pages(t, s, search.Request{})
	if len(records) != 3 || last.Total != 3 || last.TotalIs != search.Exact || !last.Exact {
		t.Fatalf("found %d records, answer %+v", len(records), last)
	}
	r := records[0]
	if r.ID != b.ids[2] || r.Index != "logs-a" || r.Position != "7.2" || r.Time.UnixNano() != 3*day || !r.Exact {
		t.Errorf("newest record is %+v", r)
	}
	var doc, want map[string]any
	lines := bytes.Split(b.buf.Bytes(), []byte("\n"))
	if json.Unmarshal(r.Doc, &doc) != nil || json.Unmarshal(lines[5], &want) != nil || fmt.Sprint(doc) != fmt.Sprint(want) {
		t.Errorf("document %s\nwas sent as %s", r.Doc, lines[5])
	}
}

func TestRepeatIsAConflictAndNoSecondRow(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	var drafts []heka.Draft
	for n := range 250 {
		drafts = append(drafts, draft(n, day))
	}
	b := newBulk(1).drafts("logs", drafts...)
	post(t, s.Handler(), b.buf.Bytes())
	if got := post(t, s.Handler(), b.buf.Bytes()); count(got, 409) != 250 {
		t.Errorf("repeat answered %v", got)
	}
	// One new record among known ones, and one that is in the request twice.
	b = newBulk(1).drafts("logs", drafts[:120]...).drafts("logs", draft(1000, day), draft(1000, day))
	if got := post(t, s.Handler(), b.buf.Bytes()); count(got, 409) != 121 || got[120] != 201 || got[121] != 409 {
		t.Errorf("mixed request answered %v", got)
	}
	records, last := pages(t, s, search.Request{})
	if len(records) != 251 || last.Total != 251 {
		t.Errorf("found %d records of %d, want 251", len(records), last.Total)
	}
}

func TestRecordsWithoutATimestampAreStoredOnceAndDatedByTheirBlock(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	body := append([]byte("\x4a\x04host"), "\x32\x07payload"...) // hostname and payload only
	b := newBulk(3).add("logs", body)
	again := newBulk(3)
	again.cut = b.cut.Add(time.Hour)
	again.add("logs", body)
	if got := post(t, s.Handler(), b.buf.Bytes()); got[0] != 201 {
		t.Fatal(got)
	}
	if got := post(t, s.Handler(), again.buf.Bytes()); got[0] != 409 {
		t.Errorf("with another date it answered %v", got)
	}
	records, _ := pages(t, s, search.Request{Spec: spec(t, "Timestamp == 0 && Severity == 7")})
	if len(records) != 1 || records[0].ID != b.ids[0] || !records[0].Time.Equal(b.cut) || !strings.Contains(string(records[0].Doc), `"@timestamp":"2023-11-14T22:13:20`) {
		t.Errorf("found %+v", records)
	}
}

// With PUBLISH_FORMAT=message the stream holds messages without a frame.
func TestABareMessageIsStoredAndFoundAsItCame(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	d := draft(7, day)
	body := d.Append(nil)
	b := newBulk(1).addAs("logs", body, body)
	if got := post(t, s.Handler(), b.buf.Bytes()); got[0] != 201 {
		t.Fatalf("status %d", got[0])
	}
	records, _ := pages(t, s, search.Request{Spec: spec(t, "Fields[n] == 7"), Text: []string{"connection"}})
	if len(records) != 1 || records[0].ID != b.ids[0] || !records[0].Exact {
		t.Errorf("found %+v", records)
	}
	if got, err := s.Find(t.Context(), b.ids[0]); err != nil || string(got.Frame) != string(body) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOneBadRecordDoesNotHarmItsNeighbours(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	good := newBulk(1).drafts("logs", draft(1, day))
	id := good.ids[0]
	frame := strings.Split(good.buf.String(), `"`)[13]
	doc := "\n{}\n"
	for _, c := range []struct{ name, item string }{
		{"path in the index", `{"create":{"_index":"../../etc/x","_id":"` + id + `","lm_frame":"` + frame + `"}}` + doc},
		{"dots as index", `{"create":{"_index":"..","_id":"` + id + `","lm_frame":"` + frame + `"}}` + doc},
		{"capitals in the index", `{"create":{"_index":"Logs","_id":"` + id + `","lm_frame":"` + frame + `"}}` + doc},
		{"no index", `{"create":{"_id":"` + id + `","lm_frame":"` + frame + `"}}` + doc},
		{"no frame", `{"create":{"_index":"logs","_id":"` + id + `"}}` + doc},
		{"frame is not base64", `{"create":{"_index":"logs","_id":"` + id + `","lm_frame":"%%%"}}` + doc},
		{"frame is no frame", `{"create":{"_index":"logs","_id":"` + id + `","lm_frame":"aGVsbG8="}}` + doc},
		{"id of another time", `{"create":{"_index":"logs","_id":"1` + id[1:] + `","lm_frame":"` + frame + `"}}` + doc},
		{"short id", `{"create":{"_index":"logs","_id":"abc","lm_frame":"` + frame + `"}}` + doc},
		{"position", `{"create":{"_index":"logs","_id":"` + id + `","lm_frame":"` + frame + `"}}` + "\n" + `{"lm.position":"x.1"}` + "\n"},
	} {
		n := len(c.name)
		neighbour := newBulk(uint64(n)).drafts("logs", draft(1000+n, day))
		got := post(t, s.Handler(), append([]byte(c.item), neighbour.buf.Bytes()...))
		if got[0] != 400 || (got[1] != 201 && got[1] != 409) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	for _, body := range []string{"", "\n", "{}\n{}\n", `{"index":{"_index":"logs"}}` + doc, "garbage", strings.SplitAfter(good.buf.String(), "\n")[0]} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/_bulk", strings.NewReader(body)))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	}
	if found, _ := filepath.Glob(filepath.Join(s.cfg.Dir, "*")); len(found) > 4 {
		t.Errorf("files: %v", found)
	}
}

func TestSpeaksAsMuchElasticsearchAsOurSink(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(newBulk(1).drafts("logs", draft(1, day)).buf.Bytes())
	z.Close()
	for _, c := range []struct {
		method, path, encoding, body string
		status                       int
		holds                        string
	}{
		{"GET", "/", "", "", 200, `"distribution":"lagermeister-searchstore"`},
		{"PUT", "/_index_template/lagermeister", "", "{}", 200, `"acknowledged":true`},
		{"GET", "/_index_template/lagermeister", "", "", 404, "not found"},
		{"POST", "/_bulk", "gzip", zipped.String(), 200, `"status":201`},
		{"POST", "/_bulk", "gzip", "no gzip", 400, "gzip body"},
		{"POST", "/_bulk", "br", "x", 415, "expected gzip"},
		{"POST", "/logs/_search", "", "{}", 404, "POST /_bulk"},
	} {
		req, _ := http.NewRequest(c.method, server.URL+c.path, strings.NewReader(c.body))
		req.Header.Set("Content-Encoding", c.encoding)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || !strings.Contains(body.String(), c.holds) {
			t.Errorf("%s %s: %d %s", c.method, c.path, resp.StatusCode, body.String())
		}
	}
}

func TestReopenedStoreHoldsTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 3 {
		s, err := Open(Config{Dir: dir}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Config{Dir: dir}, quiet()); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Errorf("a second one opened the directory: %v", err)
		}
		b := newBulk(uint64(round))
		for n := range 150 {
			b.drafts(fmt.Sprint("logs-", n%2), draft(round*100+n, day)) // 50 of each round are known
		}
		post(t, s.Handler(), b.buf.Bytes())
		if records, _ := pages(t, s, search.Request{Spec: spec(t, `Type == "app"`)}); len(records) == 0 {
			t.Error("nothing found by type")
		}
		_, last := pages(t, s, search.Request{})
		if want := int64(150 + 100*round); last.Total != want {
			t.Errorf("round %d: %d records, want %d", round, last.Total, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDamagedFileIsPutAsideAndStopsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	post(t, s.Handler(), newBulk(1).drafts("good", draft(1, day)).drafts("bad", draft(2, day)).buf.Bytes())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.db"), bytes.Repeat([]byte("x"), 20000), 0o600); err != nil {
		t.Fatal(err)
	}
	log, hook := logtest.NewNullLogger()
	s, err := Open(Config{Dir: dir}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if e := hook.LastEntry(); e == nil || e.Level != logrus.ErrorLevel || !strings.Contains(e.Message, "put aside") {
		t.Errorf("log says %v", e)
	}
	if aside, _ := filepath.Glob(filepath.Join(dir, "bad.db.damaged-*")); len(aside) != 1 {
		t.Errorf("put aside: %v", aside)
	}
	if got := post(t, s.Handler(), newBulk(2).drafts("bad", draft(3, day)).buf.Bytes()); got[0] != 201 {
		t.Errorf("write answered %v", got)
	}
	if records, _ := pages(t, s, search.Request{}); len(records) != 2 {
		t.Errorf("found %d records", len(records))
	}
}

// A file that is damaged while it is open is noticed by who reads or writes it.
func TestDamageWhileOpenIsPutAside(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	for block := range 5 {
		b := newBulk(uint64(block))
		for n := range 1000 {
			b.drafts("logs", draft(block*1000+n, int64(n)))
		}
		post(t, s.Handler(), b.buf.Bytes())
	}
	f, _ := s.file("logs")
	if _, err := f.write.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	info, _ := os.Stat(f.path)
	if err := os.WriteFile(f.path, bytes.Repeat([]byte{0xAA}, int(info.Size())), 0); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for block := uint64(10); ; block++ {
		b := newBulk(block).drafts("logs", draft(int(10_000+block), day))
		if post(t, s.Handler(), b.buf.Bytes())[0] == 201 {
			if g, _ := s.file("logs"); g != f {
				break
			}
		}
		_, _ = s.Search(context.Background(), search.Request{Text: []string{"record"}})
		if time.Now().After(deadline) {
			t.Fatal("the damaged file is still used")
		}
	}
	if records, _ := pages(t, s, search.Request{}); len(records) == 0 {
		t.Error("what was stored anew is not found")
	}
}

func TestReadersAndWritersDoNotDisturbOneAnother(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	const writers, blocks, each = 4, 10, 120
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		writing.Go(func() {
			for block := range blocks {
				b := newBulk(uint64(w*blocks + block + 1))
				for n := range each {
					b.drafts(fmt.Sprint("logs-", n%2), draft((w*blocks+block)*each+n, int64(n)))
				}
				if got := post(t, s.Handler(), b.buf.Bytes()); count(got, 201) != each {
					t.Errorf("answered %v", got)
				}
			}
		})
	}
	for range 3 {
		reading.Go(func() {
			for last := int64(0); ; {
				select {
				case <-done:
					return
				default:
				}
				answer, err := s.Search(context.Background(), search.Request{Text: []string{"record"}, Spec: spec(t, `Type == "app"`), Limit: 50})
				if err != nil {
					t.Error(err)
					return
				}
				all, err := s.Search(context.Background(), search.Request{Limit: 1})
				if err != nil || all.Total < last {
					t.Errorf("total fell from %d to %d: %v", last, all.Total, err)
					return
				}
				last = max(all.Total, answer.Total)
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	if _, last := pages(t, s, search.Request{Limit: 1000}); last.Total != writers*blocks*each {
		t.Errorf("%d records, want %d", last.Total, writers*blocks*each)
	}
}
