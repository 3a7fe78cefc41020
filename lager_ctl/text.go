package main

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"lagermeister/heka"
)

// appendText appends a record for people: a line for each header that is there
// and each field, and an empty one. Text is quoted as in Go, so that nothing in
// a record can move the cursor of a terminal or pass for another line.
func appendText(dst []byte, s *shown) []byte {
	m := s.Message
	if s.offset >= 0 {
		dst = fmt.Appendf(dst, "offset %d, ", s.offset)
	} else {
		dst = fmt.Appendf(dst, "position %s, ", position(s))
	}
	dst = fmt.Appendf(dst, "%d bytes", len(s.frame))
	if s.signer != "" {
		dst = fmt.Appendf(dst, ", signed by %q", s.signer)
	}
	dst = append(dst, '\n')
	if m.HasTimestamp {
		dst = fmt.Appendf(dst, "  Timestamp   %s\n", time.Unix(0, m.Timestamp).UTC().Format("2006-01-02T15:04:05.000000000Z"))
	}
	dst = appendLine(dst, "Type", m.Type)
	dst = appendLine(dst, "Hostname", m.Hostname)
	if m.HasPid {
		dst = fmt.Appendf(dst, "  Pid         %d\n", m.Pid)
	}
	if m.UUID != nil {
		dst = fmt.Appendf(dst, "  Uuid        %s\n", uuidText(m.UUID))
	}
	dst = appendLine(dst, "Logger", m.Logger)
	dst = appendLine(dst, "EnvVersion", m.EnvVersion)
	if m.HasSeverity {
		dst = fmt.Appendf(dst, "  Severity    %d\n", m.Severity)
	}
	dst = appendLine(dst, "Payload", m.Payload)
	for i := range m.NumFields() {
		f := m.Field(i)
		dst = fmt.Appendf(dst, "  Field       %q %s", f.Name, typeName(f.Type))
		if len(f.Representation) > 0 {
			dst = fmt.Appendf(dst, " (%q)", f.Representation)
		}
		dst = append(dst, " ="...)
		for _, v := range f.Values() {
			dst = appendPlainValue(append(dst, ' '), f.Type, v)
		}
		dst = append(dst, '\n')
	}
	return append(dst, '\n')
}

func appendLine(dst []byte, name string, value []byte) []byte {
	if value == nil {
		return dst
	}
	return fmt.Appendf(dst, "  %-12s%q\n", name, value)
}

func appendPlainValue(dst []byte, t heka.ValueType, v heka.Value) []byte {
	switch t {
	case heka.StringType, heka.BytesType:
		return strconv.AppendQuote(dst, string(v.Bytes))
	case heka.IntegerType:
		return strconv.AppendInt(dst, v.Int, 10)
	case heka.DoubleType:
		return strconv.AppendFloat(dst, v.Double, 'g', -1, 64)
	default:
		return strconv.AppendBool(dst, v.Bool)
	}
}

// typeNames are the value types as --field and the output spell them.
var typeNames = []string{"string", "bytes", "integer", "double", "bool"}

func typeName(t heka.ValueType) string {
	if t < 0 || int(t) >= len(typeNames) {
		return fmt.Sprintf("type %d", t)
	}
	return typeNames[t]
}

// uuidText is a uuid's text form, or plain hex when it is no proper one.
func uuidText(uuid []byte) string {
	if b := heka.AppendUUID(nil, uuid); len(b) > 0 {
		return string(b)
	}
	return hex.EncodeToString(uuid)
}

// position is SEQ.INDEX, or nothing for a record from a file.
func position(s *shown) string {
	if s.Sequence == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d", s.Sequence, s.Index)
}
