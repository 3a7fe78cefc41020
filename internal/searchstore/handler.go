package searchstore

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	sqlite3 "modernc.org/sqlite/lib"

	"lagermeister/heka"
)

// Bounds of _bulk requests. A sink that goes beyond sends less at a time.
const (
	maxBody    = 64 << 20  // bytes of one, after decompression: 413
	bodyBudget = 192 << 20 // bytes of all together: 429
	maxActions = 100_000   // of one: 413
)

// product is how the store calls itself wherever it is asked.
const product = "lagermeister-searchstore"

// Handler returns the part of Elasticsearch's API that our bulk sink uses:
//
//	GET  /                        who is there
//	PUT  /_index_template/NAME    accepted, without effect: there are no mappings
//	GET  /_index_template/NAME    404, there are none
//	POST /_bulk                   create actions that carry the frame (see scanBulk)
//
// Everything else is 404 or 405 with a reason. What a browser sends for a page is
// 403: no page has business here, and browsers let any page try.
func (s *Store) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.serveInfo)
	mux.HandleFunc("PUT /_index_template/{name}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20))
		answer(w, http.StatusOK, map[string]bool{"acknowledged": true})
	})
	mux.HandleFunc("GET /_index_template/{name}", func(w http.ResponseWriter, r *http.Request) {
		answerError(w, http.StatusNotFound, "resource_not_found_exception", "index template matching ["+r.PathValue("name")+"] not found")
	})
	mux.HandleFunc("POST /_bulk", s.serveBulk)
	mux.HandleFunc("PUT /_bulk", s.serveBulk)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answerError(w, http.StatusNotFound, "illegal_argument_exception",
			fmt.Sprintf("%s %.200q: this is %s, it takes POST /_bulk", r.Method, r.URL.Path, product))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" {
			answerError(w, http.StatusForbidden, "security_exception", "web pages may not use this store")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *Store) serveInfo(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"name":         product,
		"cluster_name": product,
		"version":      map[string]string{"number": "8.0.0", "distribution": product, "build_flavor": product},
		"tagline":      "Heka frames in SQLite files, behind a small part of Elasticsearch's API",
	})
}

// bulkItem is one action and what became of it.
type bulkItem struct {
	index, id string
	item      *item  // nil when it was refused
	status    int    // 201, 409, or of the failure
	kind, why string // of the failure
}

func (b *bulkItem) fail(status int, kind, why string) {
	b.status, b.kind, b.why = status, kind, why
}

func (s *Store) serveBulk(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	held := charge{all: &s.bodies}
	defer held.release()
	body, status, err := readBody(w, r, &held)
	if err != nil {
		kind := "illegal_argument_exception"
		if status == http.StatusTooManyRequests {
			kind = "circuit_breaking_exception"
		}
		answerError(w, status, kind, err.Error())
		return
	}
	items, err := parseBulk(body)
	if err != nil {
		answerError(w, http.StatusBadRequest, "illegal_argument_exception", err.Error())
		return
	}
	if err := s.room(); err != nil {
		answerError(w, http.StatusTooManyRequests, "cluster_block_exception", err.Error())
		return
	}
	s.store(items)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(appendAnswer(nil, items, time.Since(started))) // the peer may be gone
}

// charge is what one request holds of the budget of all.
type charge struct {
	all  *atomic.Int64
	held int64
	from io.Reader
}

var errBudget = fmt.Errorf("bulk requests hold more than %d bytes together, send it again later", bodyBudget)

func (c *charge) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.held += int64(n)
	if c.all.Add(int64(n)) > bodyBudget {
		return n, errBudget
	}
	return n, err
}

func (c *charge) release() { c.all.Add(-c.held) }

func readBody(w http.ResponseWriter, r *http.Request, held *charge) (body []byte, status int, err error) {
	in := io.Reader(http.MaxBytesReader(w, r.Body, maxBody))
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		if in, err = gzip.NewReader(in); err != nil {
			return nil, http.StatusBadRequest, fmt.Errorf("gzip body: %w", err)
		}
	default:
		return nil, http.StatusUnsupportedMediaType, fmt.Errorf("Content-Encoding %.40q: expected gzip or none", encoding)
	}
	held.from = io.LimitReader(in, maxBody+1)
	body, err = io.ReadAll(held)
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, errBudget):
		return nil, http.StatusTooManyRequests, err
	case errors.As(err, &large) || len(body) > maxBody:
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("body is larger than %d bytes", maxBody)
	case err != nil:
		return nil, http.StatusBadRequest, fmt.Errorf("body after %d bytes: %w", len(body), err)
	case bytes.Count(body, []byte{'\n'}) > 2*maxActions:
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("body has more than %d actions", maxActions)
	}
	return body, 0, nil
}

// parseBulk takes a body apart. What cannot be stored is marked so; an error
// means that the body is no bulk request.
func parseBulk(body []byte) ([]*bulkItem, error) {
	var items []*bulkItem
	var m heka.Message
	arena := make([]byte, 0, base64.StdEncoding.DecodedLen(len(body))) // of all frames
	err := scanBulk(body, func(a action, doc []byte) {
		b := &bulkItem{index: a.Index, id: a.ID}
		items = append(items, b)
		if err := checkIndex(a.Index); err != nil {
			b.fail(http.StatusBadRequest, "invalid_index_name_exception", err.Error())
			return
		}
		if a.Frame == "" {
			b.fail(http.StatusBadRequest, "illegal_argument_exception", "lm_frame is missing: this store takes records from lagermeister's own sink only")
			return
		}
		start := len(arena)
		var err error
		if arena, err = base64.StdEncoding.AppendDecode(arena, []byte(a.Frame)); err != nil {
			arena = arena[:start]
			b.fail(http.StatusBadRequest, "mapper_parsing_exception", "lm_frame: "+err.Error())
			return
		}
		b.item, err = newItem(&m, a.ID, arena[start:len(arena):len(arena)], doc)
		var refused *refusal
		if errors.As(err, &refused) {
			b.fail(http.StatusBadRequest, refused.kind, refused.reason)
		}
	})
	if err == nil && len(items) == 0 {
		err = errors.New("the body holds no action")
	}
	return items, err
}

// store writes the items, one transaction an index, and sets what became of each.
func (s *Store) store(items []*bulkItem) {
	byIndex := make(map[string][]*bulkItem)
	for _, b := range items {
		if b.item != nil {
			byIndex[b.index] = append(byIndex[b.index], b)
		}
	}
	for index, some := range byIndex {
		s.storeIn(index, some)
	}
}

func (s *Store) storeIn(index string, items []*bulkItem) {
	rows := make([]*item, len(items))
	for i, b := range items {
		rows[i] = b.item
	}
	f, err := s.file(index)
	if err == nil {
		if err = f.insert(rows); errors.Is(err, errGone) { // removed in between
			if f, err = s.file(index); err == nil {
				err = f.insert(rows)
			}
		}
		if err != nil {
			s.damaged(f, err)
		}
	}
	for _, b := range items {
		switch {
		case errors.Is(err, errTooManyFiles):
			b.fail(http.StatusBadRequest, "validation_exception", err.Error())
		case hasCode(err, sqlite3.SQLITE_FULL):
			b.fail(http.StatusTooManyRequests, "cluster_block_exception", "the disk is full: "+err.Error())
		case err != nil:
			b.fail(http.StatusServiceUnavailable, "unavailable_shards_exception", fmt.Sprintf("index %s: %v", index, err))
		case b.item.known:
			b.fail(http.StatusConflict, "version_conflict_engine_exception", "["+b.id+"]: version conflict, document already exists")
		default:
			b.status = http.StatusCreated
		}
	}
	if err != nil && !errors.Is(err, errTooManyFiles) {
		s.log.WithError(err).WithField("index", index).WithField("records", len(items)).Warn("search store cannot write, the sender will try again")
	}
}

// appendAnswer appends what Elasticsearch answers to a bulk request.
func appendAnswer(dst []byte, items []*bulkItem, took time.Duration) []byte {
	failed := false
	for _, b := range items {
		failed = failed || b.kind != ""
	}
	dst = strconv.AppendInt(append(dst, `{"took":`...), took.Milliseconds(), 10)
	dst = strconv.AppendBool(append(dst, `,"errors":`...), failed)
	dst = append(dst, `,"items":[`...)
	for i, b := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSON(append(dst, `{"create":{"_index":`...), b.index)
		dst = appendJSON(append(dst, `,"_id":`...), b.id)
		dst = strconv.AppendInt(append(dst, `,"status":`...), int64(b.status), 10)
		if b.kind == "" {
			dst = append(dst, `,"result":"created"}}`...)
			continue
		}
		dst = appendJSON(append(dst, `,"error":{"type":`...), b.kind)
		dst = appendJSON(append(dst, `,"reason":`...), b.why)
		dst = append(dst, `}}}`...)
	}
	return append(dst, "]}\n"...)
}

func appendJSON(dst []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // a string always can be
	return append(dst, quoted...)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the peer may be gone
}

func answerError(w http.ResponseWriter, status int, kind, why string) {
	answer(w, status, map[string]any{"status": status, "error": map[string]string{"type": kind, "reason": why}})
}
