package sinktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Fault answers a post in place of the server.
type Fault func(a *Attempt)

// Attempt is a post that was read but not answered.
type Attempt struct {
	Request *http.Request
	Writer  http.ResponseWriter
	Bulk    bool
	Records []Record
	Size    int // of the body, bytes, uncompressed

	server *Server
}

// Item is the answer to one record of a bulk request.
type Item struct {
	ID           string
	Status       int
	Type, Reason string // of the error, for a status that is one
}

// Take stores the records that refuse, which may be nil, gives no error for,
// and returns the items of the answer.
func (a *Attempt) Take(refuse func(Record) *Item) []Item {
	s := a.server
	s.mu.Lock()
	defer s.mu.Unlock()
	items := make([]Item, len(a.Records))
	for i, rec := range a.Records {
		if refuse != nil {
			if item := refuse(rec); item != nil {
				items[i] = *item
				items[i].ID = rec.ID
				continue
			}
		}
		items[i] = Item{ID: rec.ID, Status: http.StatusCreated}
		e := s.entries[rec.ID]
		switch {
		case e == nil:
			s.entries[rec.ID] = &Entry{Record: rec, Taken: 1}
		case a.Bulk:
			e.Repeats++
			items[i] = Item{ID: rec.ID, Status: http.StatusConflict, Type: "version_conflict_engine_exception", Reason: "document already exists"}
		default:
			e.Taken++
		}
	}
	if batch := a.Request.Header.Get("Lm-Batch"); batch != "" {
		s.batches[batch]++
	}
	return items
}

// Text is the answer to a bulk request with these items.
func Text(items []Item) string {
	var b strings.Builder
	errors := false
	for i, it := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		id, _ := json.Marshal(it.ID)
		fmt.Fprintf(&b, `{"create":{"_index":"i","_id":%s,"status":%d`, id, it.Status)
		if it.Status/100 != 2 {
			errors = true
			errorType, _ := json.Marshal(it.Type)
			reason, _ := json.Marshal(it.Reason)
			fmt.Fprintf(&b, `,"error":{"type":%s,"reason":%s}`, errorType, reason)
		}
		b.WriteString("}}")
	}
	return fmt.Sprintf(`{"took":1,"errors":%t,"items":[%s]}`, errors, b.String())
}

// Answer answers as a healthy far end does.
func (a *Attempt) Answer(items []Item) {
	if a.Bulk {
		a.Writer.Header().Set("Content-Type", "application/json")
		io.WriteString(a.Writer, Text(items))
	}
}

// Status answers with a status and headers given as name, value, …, and takes
// nothing.
func Status(status int, header ...string) Fault {
	return Page(status, http.StatusText(status), header...)
}

// Page is Status with a body.
func Page(status int, body string, header ...string) Fault {
	return func(a *Attempt) {
		for i := 0; i+1 < len(header); i += 2 {
			a.Writer.Header().Set(header[i], header[i+1])
		}
		a.Writer.WriteHeader(status)
		io.WriteString(a.Writer, body)
	}
}

// Busy answers 429 with a Retry-After.
func Busy(retryAfter string) Fault {
	return Status(http.StatusTooManyRequests, "Retry-After", retryAfter)
}

// Hang never answers, until the client or the server is gone.
func Hang() Fault {
	return func(a *Attempt) {
		select {
		case <-a.Request.Context().Done():
		case <-a.server.closing:
		}
		panic(http.ErrAbortHandler)
	}
}

// Reset cuts the connection before anything is taken.
func Reset() Fault {
	return func(a *Attempt) { a.reset() }
}

// LostAnswer takes the records and cuts the connection instead of answering.
func LostAnswer() Fault {
	return func(a *Attempt) { a.Take(nil); a.reset() }
}

func (a *Attempt) reset() {
	conn, _, err := a.Writer.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	reset(conn)
}

// HalfAnswer takes the records and breaks off in the middle of an answer that
// announces its full length.
func HalfAnswer() Fault {
	return func(a *Attempt) {
		text := Text(a.Take(nil))
		a.Writer.Header().Set("Content-Length", fmt.Sprint(len(text)))
		io.WriteString(a.Writer, text[:len(text)/2])
		a.Writer.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// WrongCount takes the records and answers for n more, or less when negative,
// than were sent.
func WrongCount(n int) Fault {
	return func(a *Attempt) {
		items := a.Take(nil)
		items = items[:max(0, len(items)+min(n, 0))]
		for range max(n, 0) {
			items = append(items, Item{ID: "surplus", Status: http.StatusCreated})
		}
		a.Answer(items)
	}
}

// InvalidJSON takes the records and answers 200 with what is no JSON.
func InvalidJSON() Fault {
	return func(a *Attempt) {
		a.Take(nil)
		io.WriteString(a.Writer, `{"took":1,"errors":false,"items":[}`)
	}
}

// RefuseItems refuses the records that refuse returns an item for, in a bulk
// answer with status 200; a whole batch that holds one is refused with its
// status, as a whole.
func RefuseItems(refuse func(Record) *Item) Fault {
	return func(a *Attempt) {
		if !a.Bulk {
			for _, rec := range a.Records {
				if item := refuse(rec); item != nil {
					Page(item.Status, item.Reason)(a)
					return
				}
			}
		}
		a.Answer(a.Take(refuse))
	}
}

// TooLarge answers 413 to bodies of more than limit bytes and takes the others.
func TooLarge(limit int) Fault {
	return func(a *Attempt) {
		if a.Size > limit {
			Status(http.StatusRequestEntityTooLarge)(a)
			return
		}
		a.Answer(a.Take(nil))
	}
}
