package encode

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lagermeister/heka"
)

// The vectors were written by the original programs; ../testdata/README.md says
// how. A row either holds what the original wrote, which we write byte for byte,
// or documents a defect: JSON that is broken or a crash. Those rows are chosen
// by rule, and what we do better is what mended allows.

// vector is a row of an encoders-*.jsonl file.
type vector struct {
	Config, Message string
	Output          string
	OutputB64       []byte `json:"output_b64"`
	Error           string
	Left            string `json:"left_in_buffer"`
	LeftB64         []byte `json:"left_in_buffer_b64"`
}

func (v vector) output() string { return v.Output + string(v.OutputB64) }
func (v vector) left() string   { return v.Left + string(v.LeftB64) }

// settings is a row of encoder-configs.jsonl.
type settings struct {
	Config   string
	Settings struct {
		Fields        *[]string
		DynamicFields []string `json:"dynamic_fields"`
		Mappings      any
	}
}

func TestHekaDocumentsAreThoseOfTheOriginalLagermeister(t *testing.T) {
	t.Parallel()
	configs := readConfigs(t)
	checked := 0
	for _, v := range readRows[vector](t, "encoders-lagermeister.jsonl") {
		c := configs[v.Config].Settings
		if v.Config == "lager-mapped" || v.Config == "lager-none" {
			continue // renaming has no setting, and an empty list means the default
		}
		e, err := New("heka", *c.Fields, c.DynamicFields)
		if v.Config == "lager-unknown" {
			if err == nil || !strings.Contains(err.Error(), `"Bogus"`) {
				t.Fatalf("unknown name in the list: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got := string(e.Append(nil, &Record{Message: readMessage(t, v.Message)})) + "\n"
		compare(t, v, got, v.output())
		checked++
	}
	if checked != 8*92 {
		t.Errorf("checked %d rows", checked)
	}
}

func TestHekaDocumentsAreThoseOfHekasESJsonEncoder(t *testing.T) {
	t.Parallel()
	list := []string{"Uuid", "Timestamp", "Type", "Logger", "Severity", "Payload", "EnvVersion", "Pid", "Hostname", "DynamicFields"}
	dynamic := readConfigs(t)["esjson-dynlist"].Settings
	for _, v := range readRows[vector](t, "encoders-heka.jsonl") {
		var e *Encoder
		switch v.Config {
		case "esjson-default", "esjson-interp", "esjson-fieldid":
			e = mustNew(t, "heka", list, nil)
		case "esjson-dynlist":
			e = mustNew(t, "heka", *dynamic.Fields, dynamic.DynamicFields)
		default: // settings that have no equal here
			continue
		}
		got := string(e.Append(nil, &Record{Message: readMessage(t, v.Message)})) + "\n"
		compare(t, v, got, document(v))
	}
}

func TestLogstashDocumentsAreThoseOfHekasESLogstashV0Encoder(t *testing.T) {
	t.Parallel()
	for _, v := range readRows[vector](t, "encoders-heka.jsonl") {
		var e *Encoder
		want := document(v)
		m := readMessage(t, v.Message)
		switch v.Config {
		case "logstash-default":
			// There @type is the setting type_name, here it is the message's.
			e = mustNew(t, "logstash", nil, nil)
			own := `"@type":` + string(appendString(nil, m.Type))
			want = strings.Replace(want, `"@type":"message"`, own, 1)
			v.Left = strings.Replace(v.left(), `"@type":"message"`, own, 1)
			v.LeftB64 = nil
		case "logstash-msgtype":
			e = mustNew(t, "logstash", []string{"DynamicFields", "Type", "Payload"}, nil)
		default:
			continue
		}
		compare(t, v, string(e.Append(nil, &Record{Message: m}))+"\n", want)
	}
}

func TestIndexNamesAreThoseOfHekaWhereTheseAreLegal(t *testing.T) {
	t.Parallel()
	patterns := map[string]*IndexPattern{
		"esjson-default":   mustParse(t, "heka-%{%Y.%m.%d}"),
		"esjson-interp":    mustParse(t, "%{Type}-%{Hostname}-%{%Y.%m.%d}"),
		"esjson-fieldid":   mustParse(t, "static-IDX"),
		"logstash-default": mustParse(t, "logstash-%{%Y.%m.%d}"),
	}
	compared := 0
	for _, v := range readRows[vector](t, "encoders-heka.jsonl") {
		var action struct {
			Index struct {
				Name string `json:"_index"`
			}
		}
		line, _, _ := strings.Cut(v.output(), "\n")
		p := patterns[v.Config]
		if p == nil || json.Unmarshal([]byte(line), &action) != nil || !legal(action.Index.Name) {
			continue
		}
		m := readMessage(t, v.Message)
		if !m.HasTimestamp {
			continue // Heka took the present time
		}
		got, skew := p.Append(nil, m, time.Unix(0, m.Timestamp))
		if string(got) != action.Index.Name || skew {
			t.Errorf("%s %s: got %q, skew %v, want %q", v.Config, v.Message, got, skew, action.Index.Name)
		}
		compared++
	}
	if compared < 300 {
		t.Errorf("compared only %d names", compared)
	}
}

// compare checks one document against what the original wrote.
func compare(t *testing.T, v vector, got, want string) {
	t.Helper()
	if !json.Valid([]byte(got)) {
		t.Errorf("%s %s: not JSON: %s", v.Config, v.Message, got)
	}
	switch {
	case strings.HasPrefix(v.Error, "panic"):
		// It crashed at a field without value or name, or, in Heka, at a
		// placeholder; what it had written by then is the start of ours.
		if !strings.HasPrefix(mended(got), mended(v.left())) {
			t.Errorf("%s %s: got %s\nwant it to start with %s", v.Config, v.Message, got, v.left())
		}
	case json.Valid([]byte(want)):
		if got != want {
			t.Errorf("%s %s: got  %s\nwant %s", v.Config, v.Message, got, want)
		}
	default:
		if mended(got) != mended(want) {
			t.Errorf("%s %s: got  %s\nwant, mended, %s", v.Config, v.Message, got, want)
		}
	}
}

// mended makes equal what may differ from broken JSON of the original: it left
// out commas, wrote numbers that JSON does not have, and nothing for a value of
// an unknown type.
func mended(s string) string {
	return strings.NewReplacer(",", "", "NaN", "", "+Inf", "", "-Inf", "", "null", "").Replace(s)
}

// document returns the second of the two lines Heka's encoders write.
func document(v vector) string {
	_, doc, _ := strings.Cut(v.output(), "\n")
	return doc
}

func readConfigs(t *testing.T) map[string]settings {
	t.Helper()
	configs := make(map[string]settings)
	for _, c := range readRows[settings](t, "encoder-configs.jsonl") {
		configs[c.Config] = c
	}
	return configs
}

// readRows reads a file of JSON lines.
func readRows[T any](t *testing.T, name string) (rows []T) {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for dec := json.NewDecoder(bufio.NewReader(file)); dec.More(); {
		var row T
		if err := dec.Decode(&row); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		rows = append(rows, row)
	}
	return rows
}

// readMessage parses a record of the vectors. One that Heka cannot decode is
// returned as far as it goes.
func readMessage(t testing.TB, id string) *heka.Message {
	t.Helper()
	frame, err := os.ReadFile(filepath.Join("..", "testdata", "records", id+".bin"))
	if err != nil {
		t.Fatal(err)
	}
	m := new(heka.Message)
	_ = m.Parse(frame[int(frame[1])+3:])
	return m
}

// records lists the ids of all recorded messages, in order.
func records(t testing.TB) (ids []string) {
	t.Helper()
	paths, _ := filepath.Glob("../testdata/records/*.bin")
	if len(paths) == 0 {
		t.Fatal("no records")
	}
	for _, path := range paths {
		ids = append(ids, strings.TrimSuffix(filepath.Base(path), ".bin"))
	}
	slices.Sort(ids)
	return ids
}

func mustNew(t testing.TB, format string, fields, dynamic []string) *Encoder {
	t.Helper()
	e, err := New(format, fields, dynamic)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustParse(t testing.TB, s string) *IndexPattern {
	t.Helper()
	p, err := ParseIndex(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// legal is the rule for index names, said differently than the code says it.
func legal(name string) bool {
	const chars = "abcdefghijklmnopqrstuvwxyz0123456789._-"
	return name != "" && len(name) <= 200 && name != "." && name != ".." &&
		!bytes.ContainsAny([]byte{name[0]}, "-_+") && strings.Trim(name, chars) == "" &&
		!strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(chars, r) })
}
