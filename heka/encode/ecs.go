package encode

import (
	"bytes"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"

	"lagermeister/heka"
)

// ecsVersion is the schema the keys are taken from.
const ecsVersion = "8.11.0"

// ecs appends an Elastic Common Schema document:
//
//	Timestamp      @timestamp                     RFC 3339, nine digits, Z
//	Payload        message
//	Hostname       host.name
//	Pid            process.pid
//	Logger         log.logger
//	Severity       log.syslog.severity.code       always, 7 when absent
//	Type           event.dataset
//	EnvVersion     service.version
//	Uuid           event.id                       text form, only of 16 bytes
//	DynamicFields  heka.<name>                    see ecsfields.go
//	               ecs.version, lm.position "SEQ.INDEX", lm.clock_skew true
//
// The names on the left are what FIELDS calls them; the last line is no part of
// FIELDS and is always written where it applies. A header that is absent from
// the message is absent from the document, except that a document always has a
// date: without a timestamp, when the block was cut.
//
// Keys are dotted, not nested. Elasticsearch reads both alike, but a dotted key
// needs no object opened and closed around its neighbours, so fields keep
// message order in one pass, and "heka.a" beside "heka.a.b" is a document with
// two keys where nesting would need "a" to be a value and an object at once. No
// key of ours is a prefix path of another and all dynamic ones begin with
// "heka.", so they cannot clash with ours.
func (e *Encoder) ecs(dst []byte, r *Record) []byte {
	dst = append(dst, `{"ecs.version":"`+ecsVersion+`"`...)
	m := r.Message
	for _, p := range e.parts {
		switch p {
		case partTimestamp:
			if m.HasTimestamp {
				dst = appendDate(dst, m.Timestamp)
			} else if !r.Cut.IsZero() {
				dst = appendDate(dst, r.Cut.UnixNano())
			}
		case partPayload:
			dst = appendText(dst, `,"message":`, m.Payload)
		case partHostname:
			dst = appendText(dst, `,"host.name":`, m.Hostname)
		case partPid:
			if m.HasPid {
				dst = strconv.AppendInt(append(dst, `,"process.pid":`...), int64(m.Pid), 10)
			}
		case partLogger:
			dst = appendText(dst, `,"log.logger":`, m.Logger)
		case partSeverity:
			dst = strconv.AppendInt(append(dst, `,"log.syslog.severity.code":`...), int64(m.Severity), 10)
		case partType:
			dst = appendText(dst, `,"event.dataset":`, m.Type)
		case partEnvVersion:
			dst = appendText(dst, `,"service.version":`, m.EnvVersion)
		case partUUID:
			if len(m.UUID) == 16 {
				dst = heka.AppendUUID(append(dst, `,"event.id":"`...), m.UUID)
				dst = append(dst, '"')
			}
		case partDynamic:
			if m.NumFields() > 0 {
				dst = e.appendECSFields(dst, m)
			}
		}
	}
	if r.Sequence > 0 {
		dst = strconv.AppendUint(append(dst, `,"lm.position":"`...), r.Sequence, 10)
		dst = strconv.AppendInt(append(dst, '.'), int64(r.Index), 10)
		dst = append(dst, '"')
	}
	if r.ClockSkew {
		dst = append(dst, `,"lm.clock_skew":true`...)
	}
	return append(dst, '}')
}

// appendText appends a member unless its value is absent.
func appendText(dst []byte, key string, value []byte) []byte {
	if value == nil {
		return dst
	}
	return appendString(append(dst, key...), value)
}

func appendDate(dst []byte, ns int64) []byte {
	dst = appendRFC3339(append(dst, `,"@timestamp":"`...), ns)
	return append(dst, '"')
}

// appendECSValue appends one value: bytes as base64, and a double always with a
// point or an exponent, so that a mapping made from the first document does not
// take 42.0 for an integer and a reader can tell the two types apart.
func appendECSValue(dst []byte, t heka.ValueType, v heka.Value) []byte {
	if t != heka.DoubleType {
		return appendValue(dst, t, v)
	}
	start := len(dst)
	dst = appendDouble(dst, v.Double)
	if v.Double == math.Trunc(v.Double) && !bytes.ContainsAny(dst[start:], "en") { // null has an n
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendKey appends the inside of the key of a dynamic field without the prefix
// "heka.". Dots are kept; a path part between them that is empty or blank, which
// Elasticsearch would refuse the document for, becomes an underscore.
func appendKey(dst, name []byte) []byte {
	for {
		part, rest, more := bytes.Cut(name, []byte{'.'})
		if blank(part) {
			dst = append(dst, '_')
		} else {
			dst = appendEscaped(dst, part)
		}
		if !more {
			return dst
		}
		dst = append(dst, '.')
		name = rest
	}
}

// blank reports whether there is nothing but white space in a path part, in the
// sense of Java's Character.isWhitespace, which Elasticsearch asks.
func blank(part []byte) bool {
	return bytes.IndexFunc(part, func(r rune) bool {
		return !unicode.IsSpace(r) && (r < 0x1C || r > 0x1F)
	}) < 0
}

// plainKey reports whether a name is surely its own key: no escapes, no blank
// parts, to be on the safe side no spaces at all.
func plainKey(name []byte) bool {
	start := true // of a path part
	for _, c := range name {
		if c <= ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || start && c == '.' {
			return false
		}
		start = c == '.'
	}
	return !start
}
