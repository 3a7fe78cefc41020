package deadletter

import (
	"encoding/json"
	"time"

	"lagermeister/heka"
	"lagermeister/heka/encode"
)

// Listing is a page of letters as JSON.
type Listing struct {
	Stream  string `json:"stream"`
	Entries []Line `json:"entries"`
	Next    uint64 `json:"next,omitempty"` // what to give as after for the next page
}

// Line is a letter as JSON.
type Line struct {
	Subject     string          `json:"subject"`
	Group       string          `json:"group"`
	Position    string          `json:"position"`
	Epoch       int64           `json:"epoch,string"` // beyond what a JavaScript number holds
	Sink        string          `json:"sink"`
	Status      int             `json:"status"`
	ErrorType   string          `json:"error_type"`
	Reason      string          `json:"reason"`
	Fingerprint string          `json:"fingerprint"`
	ID          string          `json:"id,omitempty"`
	First       time.Time       `json:"first"`
	Last        time.Time       `json:"last"`
	Attempts    int             `json:"attempts"`
	Bytes       int             `json:"bytes"`
	Hostname    string          `json:"hostname,omitempty"` // in a list: of the record, when it decodes
	Payload     string          `json:"payload,omitempty"`  // its beginning
	Record      json.RawMessage `json:"record,omitempty"`   // in the shape heka; absent when it does not decode
	Frame       []byte          `json:"frame,omitempty"`    // base64
}

// List is a page of entries as JSON shows it.
func List(b *Box, entries []Entry, next uint64) Listing {
	l := Listing{Stream: b.main, Entries: make([]Line, len(entries)), Next: next}
	for i := range entries {
		l.Entries[i] = entries[i].Line()
	}
	return l
}

// Line is e as JSON shows it, with the record when e has its frame.
func (e *Entry) Line() Line {
	line := Line{
		Subject: e.Subject(), Group: e.Group, Position: e.Position(), Epoch: e.Epoch,
		Sink: e.Sink, Status: e.Status, ErrorType: e.ErrorType, Reason: e.Reason, Fingerprint: Fingerprint(e.ErrorType, e.Reason),
		ID: e.ID, First: e.First, Last: e.Last, Attempts: e.Attempts, Bytes: e.Size, Hostname: e.Hostname, Payload: e.Payload, Frame: e.Frame,
	}
	if m, ok := e.Message(); ok {
		if shape, err := encode.New("heka", nil, nil); err == nil {
			line.Record = shape.Append(nil, &encode.Record{Message: m, Sequence: e.Sequence, Index: e.Index})
		}
	}
	return line
}

// Message is the record in the letter; false when it does not decode, or the
// frame was not kept.
func (e *Entry) Message() (*heka.Message, bool) {
	for _, r := range heka.Records(e.Frame) {
		m := new(heka.Message)
		return m, r.Body != nil && m.Parse(r.Body) == nil
	}
	return nil, false
}
