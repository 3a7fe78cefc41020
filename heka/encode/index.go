package encode

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lagermeister/heka"
)

const (
	// maxIndexName is the longest index name, in bytes. Elasticsearch allows
	// 255; the rest is for what a template or a roll-over may add.
	maxIndexName = 200

	// An event's own date counts for its index when it lies at most this far
	// from the cut of its block. Clocks that are further off must not create an
	// index for every day they dream of.
	oldestEvent = 30 * 24 * time.Hour
	newestEvent = 24 * time.Hour

	// nameless stands where nothing legal is left of a name.
	nameless = "lagermeister"
)

// IndexPattern names the index of a record. It is Heka's interpolation: text
// with placeholders %{Type}, %{Hostname}, %{Pid}, %{UUID}, %{Logger},
// %{EnvVersion} and %{Severity}; %{%Y.%m.%d}, a strftime format of the event's
// date in UTC; any other %{name} is the first value of the first dynamic field
// of that name, or the name itself when there is none. What holds a percent
// sign is always a date, so that no record can choose its index by carrying a
// field that is called like the date.
//
// It is immutable and safe for concurrent use.
type IndexPattern struct {
	text   string
	pieces []piece
}

type piece struct {
	kind pieceKind
	text string // literal text, name of a field, or strftime format
}

type pieceKind int

const (
	literal pieceKind = iota
	date
	field
	header // kinds from here on are header + a part
)

// indexHeaders are the placeholders that name a header, with Heka's spelling.
var indexHeaders = map[string]part{
	"Type": partType, "Hostname": partHostname, "Pid": partPid, "UUID": partUUID,
	"Logger": partLogger, "EnvVersion": partEnvVersion, "Severity": partSeverity,
}

// ParseIndex reads a pattern. An error says at which byte of it what is wrong.
func ParseIndex(s string) (*IndexPattern, error) {
	if s == "" {
		return nil, errors.New("index pattern is empty: want a name such as lagermeister-%{%Y.%m.%d}")
	}
	p := &IndexPattern{text: s}
	for at := 0; at < len(s); {
		open := strings.Index(s[at:], "%{")
		if open != 0 {
			end := len(s)
			if open > 0 {
				end = at + open
			}
			p.pieces = append(p.pieces, piece{literal, s[at:end]})
			at = end
			continue
		}
		length := strings.IndexByte(s[at:], '}')
		if length < 0 {
			return nil, fmt.Errorf("index pattern %q: byte %d: %q is not closed by }", s, at, s[at:])
		}
		next, err := parsePlaceholder(s[at+2 : at+length])
		if err != nil {
			return nil, fmt.Errorf("index pattern %q: byte %d: %w", s, at, err)
		}
		p.pieces = append(p.pieces, next)
		at += length + 1
	}
	return p, nil
}

// parsePlaceholder reads what stands between the braces.
func parsePlaceholder(name string) (piece, error) {
	if name == "" {
		return piece{}, errors.New("%{} names nothing: want a header, a dynamic field or a date such as %{%Y.%m.%d}")
	}
	if p, ok := indexHeaders[name]; ok {
		return piece{kind: header + pieceKind(p)}, nil
	}
	if !strings.Contains(name, "%") {
		return piece{field, name}, nil
	}
	for i := 0; i < len(name); i++ {
		if name[i] != '%' {
			continue
		}
		if i++; i == len(name) || strings.IndexByte(strftimeCodes, name[i]) < 0 {
			return piece{}, fmt.Errorf("%q is no date format: want one of %s after the percent sign of %q", name, strftimeCodes, name[i-1:])
		}
	}
	return piece{date, name}, nil
}

// String returns the pattern as it was given.
func (p *IndexPattern) String() string { return p.text }

// EventDate is the date by which a record is filed, in UTC: its own, unless that
// is more than 30 days before the cut of its block or more than a day after it
// (a missing one counts as 1970). Then skew is true and the date is the cut's.
func EventDate(m *heka.Message, cut time.Time) (date time.Time, skew bool) {
	date = time.Unix(0, m.Timestamp).UTC()
	if date.Before(cut.Add(-oldestEvent)) || date.After(cut.Add(newestEvent)) {
		return cut.UTC(), true
	}
	return date, false
}

// Append appends the name of the record's index; cut is when its block was cut.
// The name is a pure function of both; dates and skew are those of EventDate.
//
// The name is legal whatever the message holds: lower case, at most 200 bytes,
// any other character than [a-z0-9._-] as an underscore, no underscore or
// hyphen at its start, and neither empty nor "." nor "..".
func (p *IndexPattern) Append(dst []byte, m *heka.Message, cut time.Time) (name []byte, skew bool) {
	event, skew := EventDate(m, cut)
	start := len(dst)
	var room [64]byte
	for _, piece := range p.pieces {
		raw := room[:0]
		switch piece.kind {
		case literal:
			raw = append(raw, piece.text...)
		case date:
			raw = appendStrftime(raw, piece.text, event)
		case field:
			raw = appendFieldText(raw, m, piece.text)
		default:
			raw = appendHeaderText(raw, m, part(piece.kind-header))
		}
		dst = appendLegal(dst, start, raw)
	}
	if got := dst[start:]; len(got) < 3 && len(bytes.Trim(got, ".")) == 0 {
		dst = append(dst[:start], nameless...)
	}
	return dst, skew
}

// IndexNamer names the indices of many records. When nothing but the day of the
// event is in the pattern, which is the rule, it makes each day's name once. It is
// for one goroutine at a time.
type IndexNamer struct {
	pattern *IndexPattern
	daily   bool
	day     int64 // since 1970, of name
	name    []byte
}

// Namer returns a namer for the pattern.
func (p *IndexPattern) Namer() *IndexNamer {
	daily := !slices.ContainsFunc(p.pieces, func(piece piece) bool {
		return piece.kind > date || piece.kind == date && !ofDay(piece.text)
	})
	return &IndexNamer{pattern: p, daily: daily}
}

// Name is what Append of the pattern appends; it is valid until the next call.
func (n *IndexNamer) Name(m *heka.Message, cut time.Time) (name []byte, skew bool) {
	if !n.daily {
		n.name, skew = n.pattern.Append(n.name[:0], m, cut)
		return n.name, skew
	}
	event, skew := EventDate(m, cut)
	const seconds = 24 * 60 * 60
	s := event.Unix()
	day := s / seconds
	if s < day*seconds { // before 1970 rounding is upwards
		day--
	}
	if len(n.name) == 0 || day != n.day {
		n.day = day
		n.name, _ = n.pattern.Append(n.name[:0], m, cut)
	}
	return n.name, skew
}

// appendHeaderText appends a header as plain text, nothing when it is absent.
func appendHeaderText(dst []byte, m *heka.Message, p part) []byte {
	switch p {
	case partType:
		return append(dst, m.Type...)
	case partHostname:
		return append(dst, m.Hostname...)
	case partPid:
		return strconv.AppendInt(dst, int64(m.Pid), 10)
	case partUUID:
		return heka.AppendUUID(dst, m.UUID)
	case partLogger:
		return append(dst, m.Logger...)
	case partEnvVersion:
		return append(dst, m.EnvVersion...)
	default:
		return strconv.AppendInt(dst, int64(m.Severity), 10)
	}
}

// appendFieldText appends the first value of the first field of that name as
// plain text, or the name when there is none.
func appendFieldText(dst []byte, m *heka.Message, name string) []byte {
	for i := range m.NumFields() {
		f := m.Field(i)
		if string(f.Name) != name {
			continue
		}
		v, ok := f.Value(0)
		switch {
		case !ok:
			return append(dst, name...)
		case f.Type == heka.StringType || f.Type == heka.BytesType:
			return append(dst, v.Bytes...)
		}
		return appendValue(dst, f.Type, v)
	}
	return append(dst, name...)
}

// appendLegal appends what an index name may hold of raw; the name begins at
// start. All it appends is ASCII, so that cutting at 200 bytes splits nothing.
func appendLegal(dst []byte, start int, raw []byte) []byte {
	for len(raw) > 0 && len(dst)-start < maxIndexName {
		r, n := utf8.DecodeRune(raw)
		raw = raw[n:]
		c := byte('_')
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '.', r == '-':
			c = byte(r)
		case 'A' <= r && r <= 'Z':
			c = byte(r) + 'a' - 'A'
		}
		if len(dst) == start && (c == '_' || c == '-') {
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
