package heka_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"lagermeister/heka"
)

// The rows of testdata/records.jsonl and testdata/streams.jsonl; its README says
// what they mean. nil is "absent on the wire".
type (
	recordVector struct {
		ID, Desc, File string
		BodyLen        int `json:"body_len"`
		Header         headerVector
		HeaderLen      int  `json:"header_len"`
		Required       bool `json:"lagermeister_required_fields_ok"`
		Result         resultVector
	}
	headerVector struct {
		Decoded       bool
		MessageLength *uint32     `json:"message_length"`
		HashFunction  *int32      `json:"hmac_hash_function"`
		Signer        *textVector `json:"hmac_signer"`
		KeyVersion    *uint32     `json:"hmac_key_version"`
		HMAC          *string     `json:"hmac_hex"`
	}
	streamVector struct {
		ID, Desc, File string
		MaxMessage     int `json:"max_message_size"`
		Recovered      []recoveredVector
	}
	recoveredVector struct {
		Start    int64
		Len      int    `json:"framed_len"`
		SHA256   string `json:"framed_sha256"`
		RecordID string `json:"record_id"`
		resultVector
	}
	resultVector struct {
		Auth    string // "accepted" or "dropped"
		Signer  string
		Decode  string // "ok", "error: ..." or nothing when dropped
		Message *messageVector
	}
	messageVector struct {
		UUIDHex    *string     `json:"uuid_hex"`
		UUIDString string      `json:"uuid_string"`
		Timestamp  *string     `json:"timestamp"`
		Type       *textVector `json:"type"`
		Logger     *textVector `json:"logger"`
		Severity   *int32      `json:"severity"`
		Payload    *textVector `json:"payload"`
		EnvVersion *textVector `json:"env_version"`
		Pid        *int32      `json:"pid"`
		Hostname   *textVector `json:"hostname"`
		Effective  int32       `json:"effective_severity"`
		Fields     []fieldVector
	}
	fieldVector struct {
		Name           *textVector
		ValueType      *int32       `json:"value_type"`
		Representation *textVector  `json:"representation"`
		Strings        []textVector `json:"value_string"`
		Bytes          [][]byte     `json:"value_bytes_b64"`
		Integers       []string     `json:"value_integer"`
		Doubles        []struct {
			Bits string `json:"bits_hex"`
		} `json:"value_double"`
		Bools []bool `json:"value_bool"`
	}
	textVector struct {
		B64 []byte `json:"b64"`
	}
)

// rows decodes the lines of a vector file.
func rows[T any](t testing.TB, name string) []T {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(readFile(t, name)))
	var all []T
	for d.More() {
		var row T
		if err := d.Decode(&row); err != nil {
			t.Fatalf("%s, row %d: %v", name, len(all)+1, err)
		}
		all = append(all, row)
	}
	if len(all) == 0 {
		t.Fatalf("%s holds no rows", name)
	}
	return all
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func vectorSigners(t testing.TB) heka.Signers {
	s := heka.Signers{}
	type row struct {
		ID  string `json:"signer_id"`
		Key string `json:"hmac_key"`
	}
	for _, r := range rows[row](t, "signers.jsonl") {
		s[r.ID] = []byte(r.Key)
	}
	return s
}

// onlyFrame returns the frame that is all of b.
func onlyFrame(t testing.TB, b []byte) heka.Frame {
	t.Helper()
	var s heka.Scanner
	f, n, want := s.Next(b)
	if f.Raw == nil || n != len(b) || len(f.Raw) != len(b) {
		t.Fatalf("no frame of %d bytes: got %d, n %d, want %d", len(b), len(f.Raw), n, want)
	}
	return f
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// describe prints a message as one line a value, so that a difference shows.
func describe(m *heka.Message) string {
	var w strings.Builder
	number := func(name string, v int64, has bool) {
		if has {
			w.WriteString(name + " " + strconv.FormatInt(v, 10) + "\n")
		}
	}
	w.WriteString("uuid text " + string(heka.AppendUUID(nil, m.UUID)) + "\n")
	text(&w, "uuid", m.UUID)
	number("timestamp", m.Timestamp, m.HasTimestamp)
	text(&w, "type", m.Type)
	text(&w, "logger", m.Logger)
	number("severity", int64(m.Severity), m.HasSeverity)
	number("effective severity", int64(m.Severity), true)
	text(&w, "payload", m.Payload)
	text(&w, "env_version", m.EnvVersion)
	number("pid", int64(m.Pid), m.HasPid)
	text(&w, "hostname", m.Hostname)
	for i := range m.NumFields() {
		f := m.Field(i)
		w.WriteString("field\n")
		text(&w, " name", f.Name)
		number(" type", int64(f.Type), f.HasType)
		text(&w, " representation", f.Representation)
		for f.Type = heka.StringType; f.Type <= heka.BoolType; f.Type++ {
			for _, v := range f.Values() {
				value(&w, f.Type, v)
			}
		}
	}
	return w.String()
}

// describe prints the same lines for what the original decoded.
func (m *messageVector) describe(t testing.TB) string {
	var w strings.Builder
	number := func(name string, v *int32) {
		if v != nil {
			w.WriteString(name + " " + strconv.Itoa(int(*v)) + "\n")
		}
	}
	w.WriteString("uuid text " + m.UUIDString + "\n")
	if m.UUIDHex != nil {
		text(&w, "uuid", append([]byte{}, unhex(t, *m.UUIDHex)...))
	}
	if m.Timestamp != nil {
		w.WriteString("timestamp " + *m.Timestamp + "\n")
	}
	text(&w, "type", m.Type.bytes())
	text(&w, "logger", m.Logger.bytes())
	number("severity", m.Severity)
	number("effective severity", &m.Effective)
	text(&w, "payload", m.Payload.bytes())
	text(&w, "env_version", m.EnvVersion.bytes())
	number("pid", m.Pid)
	text(&w, "hostname", m.Hostname.bytes())
	for _, f := range m.Fields {
		w.WriteString("field\n")
		text(&w, " name", f.Name.bytes())
		number(" type", f.ValueType)
		text(&w, " representation", f.Representation.bytes())
		for _, v := range f.Strings {
			value(&w, heka.StringType, heka.Value{Bytes: v.B64})
		}
		for _, v := range f.Bytes {
			value(&w, heka.BytesType, heka.Value{Bytes: v})
		}
		for _, v := range f.Integers {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			value(&w, heka.IntegerType, heka.Value{Int: n})
		}
		for _, v := range f.Doubles {
			bits, err := strconv.ParseUint(v.Bits, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			value(&w, heka.DoubleType, heka.Value{Double: math.Float64frombits(bits)})
		}
		for _, v := range f.Bools {
			value(&w, heka.BoolType, heka.Value{Bool: v})
		}
	}
	return w.String()
}

func text(w *strings.Builder, name string, b []byte) {
	if b != nil {
		w.WriteString(name + " " + strconv.Quote(string(b)) + "\n")
	}
}

func value(w *strings.Builder, typ heka.ValueType, v heka.Value) {
	switch typ {
	case heka.StringType:
		text(w, " string", append([]byte{}, v.Bytes...))
	case heka.BytesType:
		text(w, " bytes", append([]byte{}, v.Bytes...))
	case heka.IntegerType:
		w.WriteString(" integer " + strconv.FormatInt(v.Int, 10) + "\n")
	case heka.DoubleType: // by its bits, which tell one NaN from another
		w.WriteString(" double " + strconv.FormatUint(math.Float64bits(v.Double), 16) + "\n")
	case heka.BoolType:
		w.WriteString(" bool " + strconv.FormatBool(v.Bool) + "\n")
	}
}

// bytes is nil for what is absent and never for what is empty.
func (v *textVector) bytes() []byte {
	if v == nil {
		return nil
	}
	return append([]byte{}, v.B64...)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
