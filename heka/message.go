package heka

import (
	"encoding/hex"
	"fmt"
)

// DefaultSeverity is the severity of a message that names none: debug, in
// syslog's words.
const DefaultSeverity = 7

// UUIDSize is the length of a proper uuid in bytes. Others decode as well.
const UUIDSize = 16

// The tags of the message's fields as one byte: number<<3 | wire type.
const (
	tagUUID       = 1<<3 | wireBytes
	tagTimestamp  = 2<<3 | wireVarint
	tagType       = 3<<3 | wireBytes
	tagLogger     = 4<<3 | wireBytes
	tagSeverity   = 5<<3 | wireVarint
	tagPayload    = 6<<3 | wireBytes
	tagEnvVersion = 7<<3 | wireBytes
	tagPid        = 8<<3 | wireVarint
	tagHostname   = 9<<3 | wireBytes
	tagFields     = 10<<3 | wireBytes

	lastMessageField = 10
)

// Message is a view of one message on the wire. All slices share the memory of
// Body. A slice that is nil was absent; one that is empty was there and empty.
// Strings need not be UTF-8.
//
// The zero value is ready for Parse. Reusing one Message for many bodies costs
// no allocation once it has seen as many fields as they hold.
type Message struct {
	Body []byte // what was parsed

	UUID       []byte // 16 bytes when proper
	Type       []byte
	Logger     []byte
	Payload    []byte
	EnvVersion []byte
	Hostname   []byte

	Timestamp int64 // nanoseconds since 1970, 0 when absent
	Severity  int32 // DefaultSeverity when absent
	Pid       int32 // 0 when absent

	HasTimestamp, HasSeverity, HasPid bool

	fields [][]byte // one Field submessage each, not yet decoded
}

// DecodeError says why the bytes are no message.
type DecodeError struct {
	Offset int    // in the body, of the field that cannot be read
	Field  uint32 // its number; 0 when not even that can be read
	Reason string // one of a few fixed sentences
}

func (e *DecodeError) Error() string {
	field := ""
	switch {
	case e.Field > lastMessageField:
		field = fmt.Sprintf(", field %d", e.Field)
	case e.Field > 0:
		field = fmt.Sprintf(", field %d (%s)", e.Field, fieldNames[e.Field])
	}
	return fmt.Sprintf("message cannot be decoded at byte %d%s: %s", e.Offset, field, e.Reason)
}

// fieldNames are those of message.proto.
var fieldNames = [lastMessageField + 1]string{1: "uuid", "timestamp", "type", "logger", "severity", "payload", "env_version", "pid", "hostname", "fields"}

// Parse makes m a view of body, which may be empty. It accepts exactly what Heka
// decodes: fields in any order, the last of a repeated one counts, unknown ones
// are skipped, nothing is required, and what is wrong inside a Field submessage
// ends that field only. Everything else is a *DecodeError, after which m holds
// what came before it. m keeps body until the next Parse.
//
// One exception: behind an unknown field whose tag is longer than it needs to
// be Heka resumes inside the tag; here such a field is skipped as a whole.
func (m *Message) Parse(body []byte) error {
	*m = Message{Body: body, Severity: DefaultSeverity, fields: m.fields[:0]}
	for i := 0; i < len(body); {
		at := i
		tag := uint64(body[i])
		i++
		if tag >= 0x80 {
			if tag, i = tagAt(body, at); i < 0 {
				return &DecodeError{at, 0, reasonTruncated}
			}
		}

		var value *[]byte
		switch tag {
		case tagUUID:
			value = &m.UUID
		case tagType:
			value = &m.Type
		case tagLogger:
			value = &m.Logger
		case tagPayload:
			value = &m.Payload
		case tagEnvVersion:
			value = &m.EnvVersion
		case tagHostname:
			value = &m.Hostname
		case tagFields:
			m.fields = append(m.fields, nil)
			value = &m.fields[len(m.fields)-1]
		case tagTimestamp, tagSeverity, tagPid:
			var v uint64
			if v, i = uvarint(body, i); i < 0 {
				return &DecodeError{at, uint32(tag >> 3), reasonTruncated}
			}
			m.setNumber(tag, v)
			continue
		default:
			if n := tag >> 3; n >= 1 && n <= lastMessageField {
				return &DecodeError{at, uint32(n), reasonWireType}
			}
			var reason string
			if i, reason = skip(body, i, tag&7); i < 0 {
				return &DecodeError{at, uint32(tag >> 3), reason}
			}
			continue
		}

		// Nearly every length is one byte; span takes the others.
		start, end := i+1, -1
		if i < len(body) && body[i] < 0x80 {
			if n := int(body[i]); n <= len(body)-start {
				end = start + n
			}
		} else {
			start, end = span(body, i)
		}
		if end < 0 {
			if tag == tagFields {
				m.fields = m.fields[:len(m.fields)-1]
			}
			return &DecodeError{at, uint32(tag >> 3), reasonLength}
		}
		*value = body[start:end:end]
		i = end
	}
	return nil
}

// setNumber stores a number; negative 32-bit ones come in 5 or 10 bytes, of
// which the low 32 bits count.
func (m *Message) setNumber(tag, v uint64) {
	switch tag {
	case tagTimestamp:
		m.Timestamp, m.HasTimestamp = int64(v), true
	case tagSeverity:
		m.Severity, m.HasSeverity = int32(v), true
	case tagPid:
		m.Pid, m.HasPid = int32(v), true
	}
}

// NumFields is the number of fields, in the order of the wire; names may repeat.
func (m *Message) NumFields() int { return len(m.fields) }

// Field decodes field i, which must be below NumFields. It reads the whole
// field each time: a caller that needs it twice keeps it.
func (m *Message) Field(i int) Field { return parseField(m.fields[i]) }

// InvalidError says why a message that decodes is refused all the same.
type InvalidError struct {
	Field  string // what is missing
	Reason string // fixed word for counters: "hostname" or "empty"
}

func (e *InvalidError) Error() string {
	return "message has no " + e.Field
}

var (
	errNoHostname = &InvalidError{Field: "hostname (field 9)", Reason: "hostname"}
	errEmpty      = &InvalidError{Field: "payload (field 6) and no fields (field 10); it needs one of them", Reason: "empty"}
)

// Validate tells whether a parsed message carries what we ask of one: a hostname
// that is not empty, and a payload, which may be empty, or at least one field.
// Anything else is an *InvalidError. uuid and timestamp may be missing.
func (m *Message) Validate() error {
	switch {
	case len(m.Hostname) == 0:
		return errNoHostname
	case m.Payload == nil && len(m.fields) == 0:
		return errEmpty
	}
	return nil
}

// AppendUUID appends uuid in its text form, lower-case hex as 8-4-4-4-12, and
// nothing unless it has UUIDSize bytes.
func AppendUUID(dst, uuid []byte) []byte {
	if len(uuid) != UUIDSize {
		return dst
	}
	text := [...]byte{8: '-', 13: '-', 18: '-', 23: '-', 35: 0}
	hex.Encode(text[:], uuid[:4])
	hex.Encode(text[9:], uuid[4:6])
	hex.Encode(text[14:], uuid[6:8])
	hex.Encode(text[19:], uuid[8:10])
	hex.Encode(text[24:], uuid[10:])
	return append(dst, text[:]...)
}
