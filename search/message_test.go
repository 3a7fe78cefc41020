package search_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"lagermeister/heka"
	"lagermeister/heka/recordid"
	"lagermeister/search"
)

// oneRecord is a store with one record.
type oneRecord struct {
	search.Store
	found search.Found
}

func (s oneRecord) Find(_ context.Context, id string) (search.Found, error) {
	if id != s.found.Record.ID {
		return search.Found{}, search.ErrNotFound
	}
	return s.found, nil
}

// stored is streams by name, with one block at sequence 7.
type stored map[string][]byte

func (s stored) Blocks(_ context.Context, stream string, sequence uint64) (list []search.Block, err error) {
	for name, data := range s {
		if sequence == 7 && (stream == "" || stream == name) {
			list = append(list, search.Block{Stream: name, Stored: time.Unix(1, 0).UTC(), Origin: "o", Data: data})
		}
	}
	return list, nil
}

func sample() (frame []byte, id string) {
	d := heka.Draft{
		UUID: []byte("0123456789abcdef"), Timestamp: 1767319445123456789, Type: "t", Severity: 3, Payload: "<p>\xff", Pid: 7, Hostname: "h",
		Fields: []heka.DraftField{{Name: "n", Type: heka.IntegerType, Integers: []int64{1, math.MaxInt64}}, {Name: "d", Type: heka.DoubleType, Doubles: []float64{0.5, math.NaN()}}},
	}
	var m heka.Message
	if err := m.Parse(d.Append(nil)); err != nil {
		panic(err)
	}
	var ids recordid.Hasher
	return heka.AppendFrame(nil, m.Body), string(ids.Append(nil, &m, "o", 0))
}

func message(store search.Store, blocks search.Blocks, query string) (status int, a search.MessageAnswer, text string) {
	w := httptest.NewRecorder()
	search.MessageHandler(store, blocks).ServeHTTP(w, httptest.NewRequest(http.MethodGet, search.MessagePath+"?"+query, nil))
	_ = json.Unmarshal(w.Body.Bytes(), &a)
	return w.Code, a, w.Body.String()
}

func TestAMessageIsShownAsItWasReceived(t *testing.T) {
	t.Parallel()
	frame, id := sample()
	store := oneRecord{found: search.Found{Record: search.Record{ID: id, Position: "7.1", Doc: json.RawMessage(`{}`), Exact: true}}}
	block := append(heka.AppendFrame(nil, []byte("\x4a\x01x\x32\x01y")), frame...)
	status, _, text := message(store, stored{"main": block}, "position=7.1")
	want := `{"record":{"id":"` + id + `","index":"","position":"7.1","time":"0001-01-01T00:00:00Z","doc":{},"exact":true},` +
		`"message":{"uuid":"30313233-3435-3637-3839-616263646566","timestamp":"2026-01-02T02:04:05.123456789Z","type":"t","logger":null,"severity":3,"payload":"<p>\ufffd",` +
		`"env_version":null,"pid":7,"hostname":"h","fields":[{"name":"n","type":"integer","representation":null,"values":[1,"9223372036854775807"]},` +
		`{"name":"d","type":"double","representation":null,"values":[0.5,"NaN"]}]},"raw_base64":"` + base64.StdEncoding.EncodeToString(frame) + `","from":"stream",` +
		`"id":"` + id + `","position":"7.1","stream":"main","stored":"1970-01-01T00:00:01Z"}` + "\n"
	if status != http.StatusOK || text != want {
		t.Errorf("status %d\ngot  %s\nwant %s", status, text, want)
	}
}

func TestAMessageComesFromWhereItStillIs(t *testing.T) {
	t.Parallel()
	frame, id := sample()
	record := search.Record{ID: id, Position: "7.0", Doc: json.RawMessage(`{}`)}
	embedded, elastic := oneRecord{found: search.Found{Record: record, Frame: frame}}, oneRecord{found: search.Found{Record: record}}
	other := heka.AppendFrame(nil, []byte("\x4a\x01x\x32\x01y"))
	for name, c := range map[string]struct {
		store  search.Store
		blocks search.Blocks
		query  string

		status                int
		from                  string
		record, message, raw_ bool
	}{
		"by id, in the stream":              {elastic, stored{"a": frame}, "id=" + id, 200, "stream", true, true, true},
		"by id, of several streams":         {elastic, stored{"a": other, "b": frame}, "id=" + id, 200, "stream", true, true, true},
		"by id, the stream is another one":  {embedded, stored{"a": other}, "id=" + id, 200, "store", true, true, true},
		"by id, gone, bytes kept":           {embedded, stored{}, "id=" + id, 200, "store", true, true, true},
		"by id, gone, document kept":        {elastic, stored{}, "id=" + id, 200, "store", true, false, false},
		"by id, no stream is asked":         {embedded, nil, "id=" + id, 200, "store", true, true, true},
		"by id, not in the store":           {embedded, stored{"a": frame}, "id=x", 404, "", false, false, false},
		"by both, not yet in the store":     {oneRecord{}, stored{"a": frame}, "position=7.0&id=" + id, 200, "stream", false, true, true},
		"by both, no store":                 {nil, stored{"a": frame}, "position=7.0&id=" + id, 200, "stream", false, true, true},
		"by position, no store":             {nil, stored{"a": frame}, "position=7.0", 200, "stream", false, true, true},
		"by position, no message":           {nil, stored{"a": []byte("\x1ejunk")}, "position=7.0", 200, "stream", false, false, true},
		"by position, gone":                 {embedded, stored{}, "position=7.0", 404, "", false, false, false},
		"by position, block is shorter":     {embedded, stored{"a": frame}, "position=7.1", 404, "", false, false, false},
		"by position, of several streams":   {embedded, stored{"a": frame, "b": other}, "position=7.0", 400, "", false, false, false},
		"by position, of one of them":       {embedded, stored{"a": frame, "b": other}, "position=7.0&stream=a", 200, "stream", true, true, true},
		"by nothing":                        {embedded, stored{}, "", 400, "", false, false, false},
		"by an id without a store":          {nil, stored{}, "id=x", 400, "", false, false, false},
		"by no position":                    {embedded, stored{}, "position=7", 400, "", false, false, false},
		"by no position and no stream":      {embedded, nil, "position=-1.0", 400, "", false, false, false},
		"with an unknown parameter":         {embedded, nil, "sequence=7", 400, "", false, false, false},
		"by position, neither is there":     {nil, nil, "position=7.0", 404, "", false, false, false},
		"by both, the position is nonsense": {embedded, stored{}, "position=x&id=" + id, 400, "", false, false, false},
	} {
		status, a, text := message(c.store, c.blocks, c.query)
		if status != c.status || a.From != c.from || (a.Record != nil) != c.record || (a.Message != nil) != c.message || (a.Raw != nil) != c.raw_ {
			t.Errorf("%s: status %d, %s", name, status, text)
		}
	}
}

// pagesOf is a store that has n records, and fails at one of its pages.
type pagesOf struct {
	search.Store
	n, failAt int
	doc       string
}

func (s *pagesOf) Search(ctx context.Context, r search.Request) (search.Answer, error) {
	if s.failAt--; s.failAt == 0 {
		return search.Answer{}, context.DeadlineExceeded
	}
	src := large{n: s.n}
	answer, err := search.Fill(ctx, r, src)
	for i := range answer.Records {
		answer.Records[i].Doc = json.RawMessage(s.doc)
	}
	return answer, err
}

func export(t *testing.T, store search.Store, query string) (r *http.Response, text string) {
	t.Helper()
	w := httptest.NewRecorder()
	search.Handlers(store)["/api/v2/export"].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v2/export?"+query, nil))
	return w.Result(), w.Body.String()
}

func TestAnExportHoldsAllPagesOrSaysThatItDoesNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		store    *pagesOf
		query    string
		rows     int
		complete string
	}{
		{&pagesOf{n: 2500}, "", 2500, "true"},
		{&pagesOf{n: 0}, "format=ndjson&q=TRUE", 0, "true"},
		{&pagesOf{n: 2500}, "limit=1200", 1200, "false"},
		{&pagesOf{n: 1200}, "limit=1200", 1200, "true"},
		{&pagesOf{n: search.MaxExport + 1}, "", search.MaxExport, "false"},
		{&pagesOf{n: 2500, failAt: 3}, "", 2000, "false"},
	} {
		c.store.doc = `{"message":"<a>"}`
		r, text := export(t, c.store, c.query)
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		rows := strings.Count(text, `"doc":{"message"`)
		last := lines[len(lines)-1]
		if rows != c.rows || r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/x-ndjson" || !strings.Contains(r.Header.Get("Content-Disposition"), ".ndjson") {
			t.Errorf("%+v: status %d, %d rows", c, r.StatusCode, rows)
		}
		if got := r.Trailer.Get("Lm-Export-Complete"); got != c.complete || strings.HasPrefix(last, `{"note":"`) != (c.complete == "false") {
			t.Errorf("%+v: complete %s, last line %s", c, got, last)
		}
		if strings.HasPrefix(last, `{"note":"`) { // with what is behind it, each record once
			cursor := last[strings.LastIndex(last, "cursor=")+len("cursor=") : len(last)-2]
			_, rest := export(t, &pagesOf{n: c.store.n, doc: c.store.doc}, "cursor="+url.QueryEscape(cursor))
			if all := rows + strings.Count(rest, `"doc":{"message"`); all != c.store.n {
				t.Errorf("%+v: %d rows with those behind the cursor", c, all)
			}
		}
	}
}

func TestExportedCellsAreNoFormulas(t *testing.T) {
	t.Parallel()
	doc := `{"@timestamp":"2026-01-02T02:04:05.000000001Z","host.name":"=cmd|' /C calc'!A0","log.logger":"+1","event.dataset":"@SUM(1)","process.pid":-5,"message":" \t=1+1\n,\"x\"",` +
		`"service.version":"＝1","event.id":"-1","log.syslog.severity.code":3,"heka.a":"=1","heka.b":[1,2]}`
	_, text := export(t, &pagesOf{n: 1, doc: doc}, "format=csv")
	want := "time,severity,hostname,logger,type,payload,pid,env_version,uuid,position,id,fields\r\n" +
		"2026-01-02T02:04:05.000000001Z,3,'=cmd|' /C calc'!A0,'+1,'@SUM(1),\"' \t=1+1\r\n,\"\"x\"\"\",'-5,'＝1,'-1,,0,\"{\"\"a\"\":\"\"=1\"\",\"\"b\"\":[1,2]}\"\r\n"
	if text != want {
		t.Errorf("got  %q\nwant %q", text, want)
	}
}

func TestBadExportsAreRefusedBeforeTheyBegin(t *testing.T) {
	t.Parallel()
	for query, status := range map[string]int{
		"limit=10001": 400, "limit=0": 400, "format=xlsx": 400, "q=x": 400, "size=1": 400, "cursor=x": 400, "limit=1&limit=2": 400, "from=x": 400,
	} {
		r, text := export(t, &pagesOf{n: 1}, query)
		if r.StatusCode != status || r.Header.Get("Content-Type") != "application/problem+json" || r.Header.Get("Content-Disposition") != "" {
			t.Errorf("%s: status %d, %s", query, r.StatusCode, text)
		}
	}
	if r, _ := export(t, &pagesOf{failAt: 1}, ""); r.StatusCode != http.StatusBadGateway {
		t.Errorf("a store that fails: status %d", r.StatusCode)
	}
}

func TestContextOverHTTP(t *testing.T) {
	t.Parallel()
	for query, status := range map[string]int{"id=7": 200, "id=7&n=100": 200, "id=8": 404, "": 400, "id=7&n=0": 400, "id=7&n=101": 400, "id=7&q=TRUE": 400} {
		if w := ask(&counter{}, "/api/v2/context", query); w.Code != status || query == "id=7" && strings.Count(w.Body.String(), `"doc"`) != 1+search.DefaultAround {
			t.Errorf("%s: status %d, %s", query, w.Code, w.Body)
		}
	}
}
