// Package encode turns Heka messages into JSON documents and index names,
// straight from the view over the wire bytes: no maps, no reflection, and no
// allocation once the caller's buffer has grown.
//
// There is one file for each shape of document:
//
//	heka      the keys of the original Lagermeister, in the order of the list
//	logstash  Heka's ESLogstashV0Encoder: @-keys, dynamic fields in "@fields"
//	ecs       Elastic Common Schema, dynamic fields as "heka.<name>"
//
// What every shape promises, whatever the bytes of the message: one JSON
// object on one line, valid JSON and valid UTF-8. A byte that is not UTF-8
// becomes U+FFFD, NaN and the infinities become null, and so does a field
// without a value; a field without a name has the empty name.
//
// For heka and logstash the bytes are those of the originals wherever these
// wrote valid JSON ("JSON encoders" in docs/wire-format.md). That includes what
// is awkward about them: a field name that occurs twice in a message is written
// twice. The ecs shape never writes a key twice.
package encode

import (
	"fmt"
	"strings"
	"time"

	"lagermeister/heka"
)

// Record is one message with what only its place in the stream can tell.
type Record struct {
	Message *heka.Message

	// Sequence and Index are the record's position: stream sequence and index
	// in the block. Sequence 0 means that the message is in no stream.
	Sequence uint64
	Index    int

	// ClockSkew says that the event's date could not be used for the index:
	// what EventDate and IndexPattern.Append report.
	ClockSkew bool

	// Cut is when the block was cut. It stands in for a missing timestamp in
	// the ecs shape; the zero Time leaves such a document without a date.
	Cut time.Time
}

// Config chooses the shape of the documents. Format has no default of its own:
// a program sets it before it reads the environment.
type Config struct {
	Format        string   `envconfig:"FORMAT" desc:"shape of the JSON documents: heka, logstash or ecs"`
	Fields        []string `envconfig:"FIELDS" original:"true" desc:"what a document holds, any case: Uuid, Timestamp, Type, Logger, Severity, Payload, EnvVersion, Pid, Hostname, DynamicFields. Empty: the default of the format"`
	DynamicFields []string `envconfig:"DYNAMIC_FIELDS" original:"true" desc:"exact names of the dynamic fields a document holds. Empty: all"`
}

// Validate reports what New would, with the name of the variable less its
// prefix.
func (c Config) Validate() error {
	if _, err := New(c.Format, nil, nil); err != nil {
		return fmt.Errorf("FORMAT: %w", err)
	}
	if _, err := c.New(); err != nil {
		return fmt.Errorf("FIELDS: %w", err)
	}
	return nil
}

// New returns the encoder the settings describe.
func (c Config) New() (*Encoder, error) { return New(c.Format, c.Fields, c.DynamicFields) }

// Encoder writes documents of one shape. It is immutable and safe for
// concurrent use.
type Encoder struct {
	shape func(e *Encoder, dst []byte, r *Record) []byte
	parts []part
	only  map[string]bool // names of wanted dynamic fields; nil: all
}

// part is one entry of FIELDS: a header of the message, or all dynamic fields.
type part int

const (
	partUUID part = iota
	partTimestamp
	partType
	partLogger
	partSeverity
	partPayload
	partEnvVersion
	partPid
	partHostname
	partDynamic
)

// partNames is how FIELDS calls the parts, and what the heka shape calls them.
var partNames = [...]string{"Uuid", "Timestamp", "Type", "Logger", "Severity", "Payload", "EnvVersion", "Pid", "Hostname", "DynamicFields"}

// shapes holds each format with the parts it writes when FIELDS is empty: what
// the original subscriber sent (without EnvVersion) and, for the others, all.
var shapes = map[string]struct {
	append func(e *Encoder, dst []byte, r *Record) []byte
	parts  []part
}{
	"heka":     {(*Encoder).heka, []part{partUUID, partTimestamp, partType, partLogger, partSeverity, partPayload, partPid, partHostname, partDynamic}},
	"logstash": {(*Encoder).logstash, []part{partUUID, partTimestamp, partType, partLogger, partSeverity, partPayload, partEnvVersion, partPid, partHostname, partDynamic}},
	"ecs":      {(*Encoder).ecs, []part{partTimestamp, partPayload, partHostname, partPid, partLogger, partSeverity, partType, partEnvVersion, partUUID, partDynamic}},
}

// New returns an encoder for a format. fields lists the parts of a document in
// order, in any case; empty means the default of the format (an environment
// variable that is set to nothing must not turn every document into {}).
// dynamicFields names the dynamic fields to write, exactly; empty means all.
// An unknown format or part is an error here, never in the middle of a batch.
func New(format string, fields, dynamicFields []string) (*Encoder, error) {
	s, ok := shapes[format]
	if !ok {
		return nil, fmt.Errorf("document format %q: want heka, logstash or ecs", format)
	}
	e := &Encoder{shape: s.append, parts: s.parts}
	if len(fields) > 0 {
		e.parts = nil
	}
	for _, name := range fields {
		p, ok := parsePart(name)
		if !ok {
			return nil, fmt.Errorf("document field %q: want one of %s", name, strings.Join(partNames[:], ", "))
		}
		e.parts = append(e.parts, p)
	}
	if format == "ecs" {
		e.parts = once(e.parts)
	}
	if len(dynamicFields) > 0 {
		e.only = make(map[string]bool, len(dynamicFields))
		for _, name := range dynamicFields {
			e.only[name] = true
		}
	}
	return e, nil
}

// Append appends the record's document, without a newline.
func (e *Encoder) Append(dst []byte, r *Record) []byte { return e.shape(e, dst, r) }

// wanted reports whether a dynamic field of that name belongs in the document.
func (e *Encoder) wanted(name []byte) bool { return e.only == nil || e.only[string(name)] }

func parsePart(name string) (part, bool) {
	for i, known := range partNames {
		if strings.EqualFold(strings.TrimSpace(name), known) {
			return part(i), true
		}
	}
	return 0, false
}

// once removes later repeats of a part.
func once(parts []part) []part {
	var seen [len(partNames)]bool
	var out []part
	for _, p := range parts {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}
