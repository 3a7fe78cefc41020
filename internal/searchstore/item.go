package searchstore

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"lagermeister/heka"
)

// item is one record of a bulk request, taken apart.
type item struct {
	hash     [16]byte
	time     int64
	texts    [variables][]byte
	severity int32
	pid      int32
	undated  bool
	skew     bool
	sequence uint64
	index    int
	frame    []byte
	words    []byte // for the word index

	numbers [variables]int64 // of texts
	n       int64            // row number
	known   bool             // not stored: the id is there already
}

// appendArgs appends the values of the columns of table record.
func (it *item) appendArgs(args []any, n int64) []any {
	return append(args, n, it.time, it.hash[:], it.numbers[varType], it.numbers[varLogger], it.numbers[varHostname], it.numbers[varEnvVersion],
		it.severity, it.pid, it.undated, it.skew, int64(it.sequence), it.index, it.frame)
}

// idSize is the length of a record's id: 12 hex digits of the event time in ms
// and 32 of a hash.
const idSize = 44

// newItem checks one record and takes it apart. m is scratch space. What it
// cannot store is a *refusal. The item keeps frame.
func newItem(m *heka.Message, id string, frame, doc []byte) (*item, error) {
	body, err := messageOf(frame)
	if err != nil {
		return nil, &refusal{"mapper_parsing_exception", err.Error()}
	}
	if err := m.Parse(body); err != nil {
		return nil, &refusal{"mapper_parsing_exception", err.Error()}
	}
	it := &item{time: m.Timestamp, severity: m.Severity, pid: m.Pid, undated: !m.HasTimestamp, frame: frame, words: indexWords(m.Payload),
		texts: [variables][]byte{varType: m.Type, varLogger: m.Logger, varHostname: m.Hostname, varEnvVersion: m.EnvVersion}}
	if it.hash, err = parseID(id, m.Timestamp); err != nil {
		return nil, &refusal{"illegal_argument_exception", err.Error()}
	}
	if it.undated {
		if cut, ok := docDate(doc); ok {
			it.time = cut
		}
	}
	it.skew = bytes.HasSuffix(doc, []byte(`,"lm.clock_skew":true}`))
	if it.sequence, it.index, err = docPosition(doc); err != nil {
		return nil, &refusal{"mapper_parsing_exception", err.Error()}
	}
	return it, nil
}

// messageOf returns the message inside of a frame. A message that was stored bare
// (PUBLISH_FORMAT=message) is its own frame: none begins with a record separator.
func messageOf(frame []byte) ([]byte, error) {
	if len(frame) > 0 && frame[0] != heka.RecordSeparator {
		return frame, nil
	}
	s := heka.Scanner{MaxMessage: len(frame)}
	f, n, _ := s.Next(frame)
	if f.Raw == nil || len(f.Raw) != len(frame) || n != len(frame) {
		return nil, fmt.Errorf("lm_frame: %d bytes are not one Heka frame", len(frame))
	}
	return f.Body, nil
}

// parseID takes the hash out of an id and checks that its time is the event's.
func parseID(id string, timestamp int64) (hash [16]byte, err error) {
	if len(id) != idSize {
		return hash, fmt.Errorf("_id %.60q: has %d characters, a record's id has %d", id, len(id), idSize)
	}
	ms, err := strconv.ParseUint(id[:12], 16, 64)
	if err != nil || ms != uint64(max(timestamp, 0))/1e6 {
		return hash, fmt.Errorf("_id %q: does not begin with the event's time in ms", id)
	}
	if _, err := hex.Decode(hash[:], []byte(id[12:])); err != nil {
		return hash, fmt.Errorf("_id %q: %w", id, err)
	}
	return hash, nil
}

// appendID appends the id of a stored record.
func appendID(dst []byte, time int64, undated bool, hash []byte) []byte {
	if undated {
		time = 0
	}
	return fmt.Appendf(dst, "%012x%x", max(time, 0)/1e6, hash)
}

// The document is not stored: heka/encode makes it again from the frame. What a
// frame does not know is read from the document with the helpers below. A key
// with its quotes cannot occur inside of a JSON string, where quotes are
// escaped, and the dynamic keys of a document all begin with "heka.".

// docPosition finds the record's position, 0 when the document has none.
func docPosition(doc []byte) (sequence uint64, index int, err error) {
	value, ok := docString(doc, `"lm.position":"`)
	if !ok {
		return 0, 0, nil
	}
	seq, idx, _ := bytes.Cut(value, []byte{'.'})
	if sequence, err = strconv.ParseUint(string(seq), 10, 63); err == nil {
		index, err = strconv.Atoi(string(idx))
	}
	if err != nil || index < 0 {
		return 0, 0, fmt.Errorf("lm.position %.60q: expected SEQ.INDEX", value)
	}
	return sequence, index, nil
}

// docDate finds the date of a document whose message has none: when its block
// was cut.
func docDate(doc []byte) (ns int64, ok bool) {
	value, ok := docString(doc, `"@timestamp":"`)
	if !ok {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(value))
	if err != nil {
		return 0, false
	}
	return t.UnixNano(), true
}

// docString returns the text after key up to the next quote.
func docString(doc []byte, key string) ([]byte, bool) {
	at := bytes.LastIndex(doc, []byte(key))
	if at < 0 {
		return nil, false
	}
	value, _, ok := bytes.Cut(doc[at+len(key):], []byte{'"'})
	return value, ok
}

// refusal is why one record can never be stored, in Elasticsearch's words.
type refusal struct{ kind, reason string }

func (r *refusal) Error() string { return r.kind + ": " + r.reason }
