package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lagermeister/heka"
	"lagermeister/heka/recordid"
)

// Blocks reads stored messages of the streams by their sequence, without a
// consumer, so that looking moves nothing. Safe for concurrent use.
type Blocks interface {
	// Blocks returns what the streams have at a sequence; of one stream only when
	// its name is not "". None at all is no error.
	Blocks(ctx context.Context, stream string, sequence uint64) ([]Block, error)
}

// Block is a stored message.
type Block struct {
	Stream string
	Stored time.Time
	Origin string // what names it in the ids of its records
	Data   []byte
}

// MessagePath is where MessageHandler belongs.
const MessagePath = "/api/v2/message"

// MessageAnswer is one record with all that is known of it.
type MessageAnswer struct {
	Record  *Record     `json:"record"`     // in the store; null: it is not there, or there is no store
	Message *MessageDoc `json:"message"`    // decoded; null: the store has only the document, or the bytes are no message
	Raw     []byte      `json:"raw_base64"` // as it was received, its frame with it; null: only the document is left
	From    string      `json:"from"`       // where the bytes, or the document, are from: FromStream or FromStore

	ID       string     `json:"id"`       // "" when the bytes are no message
	Position string     `json:"position"` // SEQ.INDEX in the stream, "" when it is not known
	Stream   string     `json:"stream"`   // "" when it is not there any more
	Stored   *time.Time `json:"stored"`   // when the stream stored it; null as well
}

// Where a message was read.
const (
	FromStream = "stream"
	FromStore  = "store"
)

// MessageDoc is a message as it is on the wire. What is absent there is null. Text
// that is not UTF-8 has U+FFFD for each bad byte.
type MessageDoc struct {
	UUID       *string        `json:"uuid"`      // hex with dashes; plain hex when it is not 16 bytes long
	Timestamp  *string        `json:"timestamp"` // RFC 3339, nine digits, UTC
	Type       *string        `json:"type"`
	Logger     *string        `json:"logger"`
	Severity   *int32         `json:"severity"`
	Payload    *string        `json:"payload"`
	EnvVersion *string        `json:"env_version"`
	Pid        *int32         `json:"pid"`
	Hostname   *string        `json:"hostname"`
	Fields     []MessageField `json:"fields"` // in the order of the wire
}

// MessageField is a dynamic field.
type MessageField struct {
	Name           string  `json:"name"`
	Type           string  `json:"type"` // string, bytes, integer, double, bool, or a number that is none of Heka's
	Representation *string `json:"representation"`
	Values         []any   `json:"values"` // bytes in base64; integers beyond 2^53, NaN and infinities as text
}

// MessageHandler answers MessagePath with one record, a MessageAnswer:
//
//	position  SEQ.INDEX, as documents have it in lm.position
//	id        of the record in the store
//	stream    name of the stream; needed only when several have the position
//
// One of position and id is needed; with both the stream is asked first, and what
// it has counts only if it has the id. With an id alone the record's own position
// leads to the stream. What is no longer there comes from the store: the embedded
// one keeps the original bytes, Elasticsearch only the document.
//
// 404 is what neither has. store and blocks may be nil.
func MessageHandler(store Store, blocks Blocks) http.Handler {
	places := make(gate, maxGoing)
	l := looker{store, blocks}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !isGet(w, r) || !places.enter(w, r) {
			return
		}
		defer places.leave()
		ctx, cancel := context.WithTimeout(r.Context(), Deadline)
		defer cancel()
		answer, err := l.look(ctx, r.URL.RawQuery)
		if err != nil {
			status, p := problemOf(err)
			write(w, status, p)
			return
		}
		write(w, http.StatusOK, answer)
	})
}

// looker looks for one record in store and stream.
type looker struct {
	store  Store
	blocks Blocks
}

func (l *looker) look(ctx context.Context, query string) (*MessageAnswer, error) {
	values, err := parseQuery(query, []string{"position", "id", "stream"})
	if err != nil {
		return nil, err
	}
	id, position := values.Get("id"), values.Get("position")
	var found Found
	missing := fmt.Errorf("position %.60q: %w in a stream, or none any more; the search store finds it by its id", position, ErrNotFound)
	switch {
	case id == "" && position == "":
		return nil, &ParameterError{Parameter: "id", Reason: "neither id nor position is given"}
	case id == "":
	case l.store == nil && position == "":
		return nil, &ParameterError{Parameter: "id", Reason: "there is no search store, a position is needed"}
	case l.store != nil:
		if found, err = l.store.Find(ctx, id); err != nil && (!errors.Is(err, ErrNotFound) || position == "") {
			return nil, err
		}
		missing = err
		if position == "" {
			position = found.Record.Position
		}
	}
	if position != "" && l.blocks != nil {
		answer, err := l.inStream(ctx, position, id, values)
		if err != nil && (missing != nil || isParameter(err)) {
			return nil, err
		}
		if answer != nil {
			if missing == nil {
				answer.Record = &found.Record
			} else if id == "" && l.store != nil && answer.ID != "" {
				if found, err := l.store.Find(ctx, answer.ID); err == nil { // else it is shown without
					answer.Record = &found.Record
				}
			}
			return answer, nil
		}
	} else if position != "" {
		if _, _, err := parsePosition(position); err != nil {
			return nil, err
		}
	}
	if missing != nil {
		return nil, missing
	}
	answer := &MessageAnswer{Record: &found.Record, Raw: found.Frame, From: FromStore, ID: found.Record.ID, Position: found.Record.Position}
	for _, r := range heka.Records(found.Frame) {
		var m heka.Message
		if r.Body != nil && m.Parse(r.Body) == nil {
			answer.Message = messageDoc(&m)
		}
		break
	}
	return answer, nil
}

func isParameter(err error) bool {
	_, ok := errors.AsType[*ParameterError](err)
	return ok
}

// inStream reads a position; nil when no stream has it, or not with that id.
func (l *looker) inStream(ctx context.Context, position, id string, values url.Values) (answer *MessageAnswer, err error) {
	sequence, index, err := parsePosition(position)
	if err != nil {
		return nil, err
	}
	blocks, err := l.blocks.Blocks(ctx, values.Get("stream"), sequence)
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range blocks {
		one := blocks[i].record(sequence, index)
		if one == nil || id != "" && one.ID != id {
			continue
		}
		answer, names = one, append(names, blocks[i].Stream)
	}
	if len(names) > 1 && id == "" {
		return nil, &ParameterError{Parameter: "stream", Reason: "several have this position: " + strings.Join(names, ", ")}
	}
	return answer, nil
}

// record takes one record out of a block; nil when it has none of this index.
func (b *Block) record(sequence uint64, index int) *MessageAnswer {
	for i, r := range heka.Records(b.Data) {
		if i != index {
			continue
		}
		answer := &MessageAnswer{Raw: r.Raw, From: FromStream, Stream: b.Stream, Position: fmt.Sprintf("%d.%d", sequence, index)}
		if !b.Stored.IsZero() {
			answer.Stored = &b.Stored
		}
		var m heka.Message
		if r.Body != nil && m.Parse(r.Body) == nil {
			var ids recordid.Hasher
			answer.ID, answer.Message = string(ids.Append(nil, &m, b.Origin, index)), messageDoc(&m)
		}
		return answer
	}
	return nil
}

// parsePosition reads SEQ.INDEX.
func parsePosition(position string) (sequence uint64, index int, err error) {
	seq, in, ok := strings.Cut(position, ".")
	if ok {
		if sequence, err = strconv.ParseUint(seq, 10, 63); err == nil {
			index, err = strconv.Atoi(in)
		}
	}
	if !ok || err != nil || sequence == 0 || index < 0 {
		return 0, 0, &ParameterError{Parameter: "position", Reason: fmt.Sprintf("%.60q is not SEQ.INDEX, such as 1234.0", position)}
	}
	return sequence, index, nil
}

func messageDoc(m *heka.Message) *MessageDoc {
	d := &MessageDoc{
		Type: wireText(m.Type), Logger: wireText(m.Logger), Payload: wireText(m.Payload), EnvVersion: wireText(m.EnvVersion), Hostname: wireText(m.Hostname),
		Severity: given(m.Severity, m.HasSeverity), Pid: given(m.Pid, m.HasPid), Fields: make([]MessageField, 0, m.NumFields()),
	}
	if m.HasTimestamp {
		at := formatTime(time.Unix(0, m.Timestamp))
		d.Timestamp = &at
	}
	switch {
	case len(m.UUID) == heka.UUIDSize:
		text := string(heka.AppendUUID(nil, m.UUID))
		d.UUID = &text
	case m.UUID != nil:
		text := fmt.Sprintf("%x", m.UUID)
		d.UUID = &text
	}
	for i := range m.NumFields() {
		f := m.Field(i)
		d.Fields = append(d.Fields, MessageField{string(f.Name), typeName(f.Type), wireText(f.Representation), fieldValues(&f)})
	}
	return d
}

func wireText(b []byte) *string {
	if b == nil {
		return nil
	}
	text := string(b)
	return &text
}

func given[T any](v T, has bool) *T {
	if !has {
		return nil
	}
	return &v
}

func typeName(t heka.ValueType) string {
	switch t {
	case heka.StringType:
		return "string"
	case heka.BytesType:
		return "bytes"
	case heka.IntegerType:
		return "integer"
	case heka.DoubleType:
		return "double"
	case heka.BoolType:
		return "bool"
	}
	return strconv.Itoa(int(t))
}

func fieldValues(f *heka.Field) []any {
	list := []any{}
	for _, v := range f.Values() {
		switch f.Type {
		case heka.StringType:
			list = append(list, string(v.Bytes))
		case heka.BytesType:
			list = append(list, v.Bytes)
		case heka.IntegerType:
			if v.Int > 1<<53 || v.Int < -1<<53 { // beyond what a JavaScript number holds
				list = append(list, strconv.FormatInt(v.Int, 10))
			} else {
				list = append(list, v.Int)
			}
		case heka.DoubleType:
			if math.IsNaN(v.Double) || math.IsInf(v.Double, 0) {
				list = append(list, strconv.FormatFloat(v.Double, 'g', -1, 64))
			} else {
				list = append(list, v.Double)
			}
		case heka.BoolType:
			list = append(list, v.Bool)
		}
	}
	return list
}
