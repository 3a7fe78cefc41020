package main

import (
	"encoding/json"
	"math"
	"slices"
	"strings"

	"lagermeister/heka"
	"lagermeister/heka/encode"
)

// shown is one record on its way to the reader of our output.
type shown struct {
	encode.Record
	frame  []byte
	offset int64 // in the input, -1 when the record comes from the stream
	signer string
}

// printer appends a record in one format.
type printer func(dst []byte, s *shown) []byte

// formats that print; count, which only counts, is the caller's.
const formatNames = "json, text, frames, count, heka, logstash or ecs"

// newPrinter returns the printer of a format, nil for count. fields and dynamic
// restrict the formats that a subscriber knows, and only those.
func newPrinter(format string, fields, dynamic []string) (printer, error) {
	if slices.Contains([]string{"heka", "logstash", "ecs"}, format) {
		enc, err := encode.New(format, fields, dynamic)
		if err != nil {
			return nil, usageError("--fields: %w", err)
		}
		return func(dst []byte, s *shown) []byte { return append(enc.Append(dst, &s.Record), '\n') }, nil
	}
	if len(fields) > 0 || len(dynamic) > 0 {
		return nil, usageError("--fields and --dynamic-fields go with --format heka, logstash or ecs, not with %s", format)
	}
	switch format {
	case "json":
		return appendJSON, nil
	case "text":
		return appendText, nil
	case "frames":
		return func(dst []byte, s *shown) []byte { return append(dst, s.frame...) }, nil
	case "count":
		return nil, nil
	}
	return nil, usageError("--format %q: want %s", format, formatNames)
}

// line is a record as --format json shows it: the message as it is on the wire.
// What is absent there is absent here; text that is not UTF-8 has U+FFFD for
// each bad byte; a uuid that is not 16 bytes long is plain hex.
type line struct {
	Offset   *int64 `json:"offset,omitempty"`
	Position string `json:"position,omitempty"`
	Length   int    `json:"length"` // of the frame
	Signer   string `json:"signer"` // verified; empty when none

	UUID       *string     `json:"uuid,omitempty"`
	Timestamp  *int64      `json:"timestamp,omitempty"` // nanoseconds since 1970
	Type       *string     `json:"type,omitempty"`
	Logger     *string     `json:"logger,omitempty"`
	Severity   *int32      `json:"severity,omitempty"`
	Payload    *string     `json:"payload,omitempty"`
	EnvVersion *string     `json:"env_version,omitempty"`
	Pid        *int32      `json:"pid,omitempty"`
	Hostname   *string     `json:"hostname,omitempty"`
	Fields     []lineField `json:"fields"`
}

type lineField struct {
	Name           *string `json:"name,omitempty"`
	Type           string  `json:"type"`
	Representation *string `json:"representation,omitempty"`
	Values         []any   `json:"values"` // bytes in base64; NaN and infinities by name
}

func appendJSON(dst []byte, s *shown) []byte {
	m := s.Message
	l := line{
		Position: position(s), Length: len(s.frame), Signer: s.signer,
		Type: text(m.Type), Logger: text(m.Logger), Payload: text(m.Payload),
		EnvVersion: text(m.EnvVersion), Hostname: text(m.Hostname),
		Timestamp: given(m.Timestamp, m.HasTimestamp), Severity: given(m.Severity, m.HasSeverity), Pid: given(m.Pid, m.HasPid),
		Fields: make([]lineField, 0, m.NumFields()),
	}
	if s.offset >= 0 {
		l.Offset = &s.offset
	}
	if m.UUID != nil {
		id := uuidText(m.UUID)
		l.UUID = &id
	}
	for i := range m.NumFields() {
		f := m.Field(i)
		l.Fields = append(l.Fields, lineField{text(f.Name), typeName(f.Type), text(f.Representation), values(&f)})
	}
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil { // no value above can cause one
		panic(err)
	}
	return append(dst, out.String()...)
}

// values lists the values of a field as encoding/json can write them.
func values(f *heka.Field) []any {
	all := make([]any, 0, 1)
	for _, v := range f.Values() {
		switch f.Type {
		case heka.StringType:
			all = append(all, string(v.Bytes))
		case heka.BytesType:
			all = append(all, v.Bytes)
		case heka.IntegerType:
			all = append(all, v.Int)
		case heka.DoubleType:
			all = append(all, double(v.Double))
		case heka.BoolType:
			all = append(all, v.Bool)
		}
	}
	return all
}

// double names what JSON has no number for.
func double(v float64) any {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	}
	return v
}

func text(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

func given[T any](v T, has bool) *T {
	if !has {
		return nil
	}
	return &v
}
