package encode

import (
	"strconv"

	"lagermeister/heka"
)

// keys are the JSON keys of the parts of one shape, with quotes and colon.
type keys [len(partNames)]string

// hekaKeys are the original Lagermeister's.
var hekaKeys = keys{`"Uuid":`, `"Timestamp":`, `"Type":`, `"Logger":`, `"Severity":`, `"Payload":`, `"EnvVersion":`, `"Pid":`, `"Hostname":`}

// heka appends the document of the original Lagermeister: the parts in the
// order of the list, nothing left out (an absent header is "", 0 or 7), dynamic
// fields beside the headers. It differs where the original broke: there is a
// comma between all members also when the dynamic fields come first, and what
// it crashed on (a field without value or, with a list, without name) is null
// or has the empty name.
func (e *Encoder) heka(dst []byte, r *Record) []byte {
	dst = append(dst, '{')
	start := len(dst)
	for _, p := range e.parts {
		if p == partDynamic {
			dst = e.appendFields(dst, r.Message, start)
		} else {
			dst = comma(dst, start)
			dst = appendHeader(append(dst, hekaKeys[p]...), r.Message, p)
		}
	}
	return append(dst, '}')
}

// comma separates from the previous member when there is one since start.
func comma(dst []byte, start int) []byte {
	if len(dst) > start {
		return append(dst, ',')
	}
	return dst
}

// appendHeader appends the value of one header as Heka's encoders write it.
func appendHeader(dst []byte, m *heka.Message, p part) []byte {
	switch p {
	case partUUID:
		dst = heka.AppendUUID(append(dst, '"'), m.UUID)
		return append(dst, '"')
	case partTimestamp:
		dst = appendSecond(append(dst, '"'), m.Timestamp)
		return append(dst, '"')
	case partType:
		return appendString(dst, m.Type)
	case partLogger:
		return appendString(dst, m.Logger)
	case partSeverity:
		return strconv.AppendInt(dst, int64(m.Severity), 10)
	case partPayload:
		return appendString(dst, m.Payload)
	case partEnvVersion:
		return appendString(dst, m.EnvVersion)
	case partPid:
		return strconv.AppendInt(dst, int64(m.Pid), 10)
	default:
		return appendString(dst, m.Hostname)
	}
}

// appendFields appends the wanted dynamic fields in message order, repeated
// names repeated; members begin at start.
func (e *Encoder) appendFields(dst []byte, m *heka.Message, start int) []byte {
	for i := range m.NumFields() {
		f := m.Field(i)
		if !e.wanted(f.Name) {
			continue
		}
		dst = appendString(comma(dst, start), f.Name)
		dst = appendHekaValues(append(dst, ':'), &f)
	}
	return dst
}

// appendHekaValues appends a field's values: null, a scalar or an array. Bytes
// are text when there is one value and base64 when there are more: so Heka.
func appendHekaValues(dst []byte, f *heka.Field) []byte {
	n := f.Len()
	if n == 0 {
		return append(dst, "null"...)
	}
	if n == 1 && f.Type == heka.BytesType {
		v, _ := f.Value(0)
		return appendString(dst, v.Bytes)
	}
	if n > 1 {
		dst = append(dst, '[')
	}
	for i, v := range f.Values() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendValue(dst, f.Type, v)
	}
	if n > 1 {
		dst = append(dst, ']')
	}
	return dst
}

// appendValue appends one value of a field, bytes as base64.
func appendValue(dst []byte, t heka.ValueType, v heka.Value) []byte {
	switch t {
	case heka.StringType:
		return appendString(dst, v.Bytes)
	case heka.BytesType:
		return appendBase64(dst, v.Bytes)
	case heka.IntegerType:
		return strconv.AppendInt(dst, v.Int, 10)
	case heka.DoubleType:
		return appendDouble(dst, v.Double)
	case heka.BoolType:
		return strconv.AppendBool(dst, v.Bool)
	default: // a type of a later schema
		return append(dst, "null"...)
	}
}
