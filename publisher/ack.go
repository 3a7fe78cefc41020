package publisher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// errNoStream is the answer when nobody listens: no stream holds the subject, or
// JetStream is not up yet.
var errNoStream = errors.New("no stream holds the subject, or JetStream is not up (503 no responders)")

// errSilent is no answer within the time for one.
var errSilent = errors.New("no acknowledgement in time")

// refusal is JetStream's own word that it did not store a message.
type refusal struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (r *refusal) Error() string {
	hint := ""
	switch {
	case r.full():
		hint = "; the stream is full until its groups have delivered and it is trimmed"
	case r.ErrCode == codeTooLarge:
		hint = "; raise the stream's max_msg_size, the block is kept until then"
	}
	return fmt.Sprintf("refused: %s (err_code %d)%s", r.Description, r.ErrCode, hint)
}

// Codes of nats-server's errors.json.
const (
	codeNoStorage   = 10047 // insufficient storage resources
	codeTooLarge    = 10054 // message size exceeds maximum allowed
	codeStoreFailed = 10077 // with the store's words
	codeTooMany     = 10167 // the stream's queue is full, the message was dropped
)

// full says that no message is stored until something is removed. The text tells
// it from other failures of the store, a failing disk for one.
func (r *refusal) full() bool {
	return r.ErrCode == codeNoStorage || r.ErrCode == codeStoreFailed &&
		(strings.Contains(r.Description, "maximum bytes exceeded") || strings.Contains(r.Description, "maximum messages exceeded"))
}

// parseAck reads the answer to a publish: a nil error means that the message is
// stored, duplicate that it had been before.
func parseAck(m *nats.Msg) (duplicate bool, err error) {
	if plainAck(m.Data) {
		return false, nil
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return false, errNoStream
	}
	var a struct {
		Error     *refusal `json:"error"`
		Stream    string   `json:"stream"`
		Seq       uint64   `json:"seq"`
		Duplicate bool     `json:"duplicate"`
	}
	switch err := json.Unmarshal(m.Data, &a); {
	case err == nil && a.Error != nil:
		return false, a.Error
	case err != nil || a.Stream == "" || a.Seq == 0:
		return false, fmt.Errorf("answer is no acknowledgement of JetStream: %.100q", m.Data)
	}
	return a.Duplicate, nil
}

// plainAck recognises {"stream":"NAME", "seq":N}, the usual acknowledgement,
// without decoding it. False only means that it has to be decoded.
func plainAck(b []byte) bool {
	b, ok := bytes.CutPrefix(b, []byte(`{"stream":"`))
	end := bytes.IndexByte(b, '"')
	if !ok || end < 1 {
		return false
	}
	for _, c := range b[:end] {
		if c < ' ' || c == '\\' || c > '~' {
			return false
		}
	}
	b, ok = bytes.CutPrefix(b[end:], []byte(`", "seq":`))
	if !ok {
		b, ok = bytes.CutPrefix(b, []byte(`","seq":`))
	}
	if !ok || len(b) < 2 || len(b) > 20 || b[0] == '0' || b[len(b)-1] != '}' {
		return false
	}
	for _, c := range b[:len(b)-1] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
