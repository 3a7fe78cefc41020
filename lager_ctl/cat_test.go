package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

const vectors = "../heka/testdata" // its README says where they come from

// lagerCtl runs a command line and returns what it wrote and its exit code.
func lagerCtl(in []byte, args ...string) (out, errs string, code int) {
	var o, e bytes.Buffer
	code = run(context.Background(), console{bytes.NewReader(in), &o, &e}, args)
	return o.String(), e.String(), code
}

// streamRow is a row of streams.jsonl.
type streamRow struct {
	ID, File, End  string
	MaxMessageSize int `json:"max_message_size"`
	Recovered      []struct {
		Start     int64
		FramedLen int `json:"framed_len"`
		Auth      string
		Decode    string
		Delivered bool
		Signer    string
		Message   *message
	}
}

// message is the decoded content in the vectors; a nil pointer was absent.
type message struct {
	UUID       *string `json:"uuid_hex"`
	Timestamp  *string
	Type       *value
	Logger     *value
	Severity   *int32
	Payload    *value
	EnvVersion *value `json:"env_version"`
	Pid        *int32
	Hostname   *value
	Fields     []struct{ Name *value }
}

type value struct{ B64 []byte }

func TestCatShowsWhatHekaDelivers(t *testing.T) {
	t.Parallel()
	signers := signersFile(t)
	for _, s := range readRows[streamRow](t, "streams.jsonl") {
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			out, _, code := lagerCtl(nil, "cat", "--format", "json", "--signers", signers,
				"--max-message-size", strconv.Itoa(s.MaxMessageSize), filepath.Join(vectors, s.File))
			if code != 0 {
				t.Fatalf("exit code %d", code)
			}
			var got []line
			for dec := json.NewDecoder(strings.NewReader(out)); dec.More(); {
				var l line
				if err := dec.Decode(&l); err != nil {
					t.Fatal(err)
				}
				got = append(got, l)
			}
			n := 0
			for _, want := range s.Recovered {
				if !want.Delivered {
					continue
				}
				if n == len(got) {
					t.Fatalf("only %d records", n)
				}
				if *got[n].Offset != want.Start || got[n].Length != want.FramedLen || got[n].Signer != want.Signer {
					t.Errorf("record %d: at %d, %d bytes, signer %q; want at %d, %d bytes, signer %q", n,
						*got[n].Offset, got[n].Length, got[n].Signer, want.Start, want.FramedLen, want.Signer)
				}
				if want.Message != nil {
					compareMessage(t, got[n], want.Message)
				}
				n++
			}
			if n != len(got) && s.End == "eof" {
				t.Errorf("%d records, want %d", len(got), n)
			}
		})
	}
}

func compareMessage(t *testing.T, got line, want *message) {
	t.Helper()
	texts := func(s *string) string {
		if s == nil {
			return "absent"
		}
		return "=" + *s
	}
	valid := func(v *value) string {
		if v == nil {
			return "absent"
		}
		return "=" + string([]rune(string(v.B64))) // U+FFFD for each bad byte
	}
	number := func(p *int32) string {
		if p == nil {
			return "absent"
		}
		return fmt.Sprint(*p)
	}
	uuid := got.UUID
	if uuid != nil {
		hex := strings.ReplaceAll(*uuid, "-", "")
		uuid = &hex
	}
	stamp := "absent"
	if got.Timestamp != nil {
		stamp = "=" + strconv.FormatInt(*got.Timestamp, 10)
	}
	for _, c := range []struct{ name, got, want string }{
		{"uuid", texts(uuid), texts(want.UUID)},
		{"timestamp", stamp, texts(want.Timestamp)},
		{"type", texts(got.Type), valid(want.Type)},
		{"logger", texts(got.Logger), valid(want.Logger)},
		{"severity", number(got.Severity), number(want.Severity)},
		{"payload", texts(got.Payload), valid(want.Payload)},
		{"env_version", texts(got.EnvVersion), valid(want.EnvVersion)},
		{"pid", number(got.Pid), number(want.Pid)},
		{"hostname", texts(got.Hostname), valid(want.Hostname)},
	} {
		if c.got != c.want {
			t.Errorf("record at %d: %s %s, want %s", *got.Offset, c.name, c.got, c.want)
		}
	}
	if len(got.Fields) != len(want.Fields) {
		t.Errorf("record at %d: %d fields, want %d", *got.Offset, len(got.Fields), len(want.Fields))
	}
}

func TestFramesPipedToCatShowTheSameRecords(t *testing.T) {
	t.Parallel()
	paths, _ := filepath.Glob(vectors + "/streams/*.bin")
	if len(paths) == 0 {
		t.Fatal("no streams")
	}
	for _, path := range paths {
		for _, match := range []string{"TRUE", "Severity == 6 && Payload =~ /good/", "FALSE"} {
			count, _, _ := lagerCtl(nil, "cat", "--format=count", "--match", match, path)
			frames, _, code := lagerCtl(nil, "cat", "--format=frames", "--match", match, path)
			again, errs, _ := lagerCtl([]byte(frames), "cat", "-", "--format=count", "--match", match)
			if code != 0 || again != count || errs != "" {
				t.Errorf("%s, %s: %s records, then %s, exit code %d, %s", path, match, count, again, code, errs)
			}
		}
	}
}

func TestCatInEveryFormat(t *testing.T) {
	t.Parallel()
	in := []byte("garbage before")
	for _, id := range []string{"m001", "m003", "m048", "m102", "m096", "m108", "m087", "m192", "m198", "m189"} {
		frame, err := os.ReadFile(filepath.Join(vectors, "records", id+".bin"))
		if err != nil {
			t.Fatal(err)
		}
		in = append(append(in, frame...), '\n')
	}
	in = append(in, 0x1E, 3, 0x08, 200, 2, 0x1F, 'c', 'u', 't')
	for _, format := range []string{"json", "text", "count", "heka", "logstash", "ecs"} {
		out, errs, code := lagerCtl(in, "cat", "-", "--format", format)
		if code != 0 {
			t.Errorf("%s: exit code %d", format, code)
		}
		golden(t, format, out)
		golden(t, "stderr", errs)
	}
}

func TestCatRestrictsDocumentsAsASubscriberDoes(t *testing.T) {
	t.Parallel()
	out, _, code := lagerCtl(nil, "cat", vectors+"/records/m102.bin", "--format", "heka", "--fields", "Type, DynamicFields", "--dynamic-fields", "x")
	if want := "{\"Type\":\"TEST\"}\n"; out != want || code != 0 {
		t.Errorf("got %q, exit code %d, want %q", out, code, want)
	}
}

func TestCatTellsWhichFramesFailTheirSignature(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/signers"
	if err := os.WriteFile(path, []byte("test_1 another key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const signed = vectors + "/records/m141.bin"
	if out, errs, code := lagerCtl(nil, "cat", "--format", "count", signed); out != "1\n" || errs != "" || code != 0 {
		t.Errorf("without signers: %s records, %s, exit code %d", out, errs, code)
	}
	out, errs, code := lagerCtl(nil, "cat", "--format", "count", "--signers", path, signed)
	if out != "0\n" || !strings.Contains(errs, "byte 0: skipped a frame of") || !strings.Contains(errs, "signed by") || code != 0 {
		t.Errorf("with another key: %s records, %s, exit code %d", out, errs, code)
	}
}

func TestCatExitCodes(t *testing.T) {
	t.Parallel()
	record := vectors + "/records/m001.bin"
	for _, c := range []struct {
		args []string
		code int
		errs string
	}{
		{[]string{"cat"}, 64, "want one file"},
		{[]string{"cat", "a", "b"}, 64, "want one file"},
		{[]string{"cat", "--nonsense", record}, 64, "nonsense"},
		{[]string{"cat", "--format", "xml", record}, 64, `--format "xml": want json, text`},
		{[]string{"cat", "--max-message-size", "0", record}, 64, "--max-message-size 0"},
		{[]string{"cat", "--fields", "Uuid", record}, 64, "--fields and --dynamic-fields go with"},
		{[]string{"cat", "--format", "ecs", "--fields", "Bogus", record}, 64, `"Bogus"`},
		{[]string{"cat", "--match", "Type == ", record}, 65, "^"},
		{[]string{"cat", "--signers", record, record}, 65, "signers line 1"},
		{[]string{"cat", "no such file"}, 1, "no such file"},
		{[]string{"cat", "--signers", "no such file", record}, 1, "no such file"},
		{[]string{"cat", "."}, 1, "read . at byte 0"},
		{[]string{"cat", record}, 0, ""},
		{[]string{"cat", "--help"}, 0, ""},
		{[]string{"--help"}, 0, ""},
		{[]string{"--version"}, 0, ""},
		{[]string{}, 64, "COMMAND"},
		{[]string{"dog"}, 64, `there is no command "dog"`},
	} {
		_, errs, code := lagerCtl(nil, c.args...)
		if code != c.code || !strings.Contains(errs, c.errs) || (c.code == 0 && errs != "") {
			t.Errorf("%q: exit code %d, want %d; %s", c.args, code, c.code, errs)
		}
	}
}

// golden compares with testdata/NAME.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// signersFile writes the keys of the vectors as a signers file.
func signersFile(t *testing.T) string {
	t.Helper()
	var lines []string
	for _, s := range readRows[struct {
		ID  string `json:"signer_id"`
		Key string `json:"hmac_key"`
	}](t, "signers.jsonl") {
		if s.Key != "" { // a file cannot name an empty key
			lines = append(lines, s.ID+" "+s.Key)
		}
	}
	path := filepath.Join(t.TempDir(), "signers")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readRows[T any](t *testing.T, name string) (rows []T) {
	t.Helper()
	file, err := os.Open(filepath.Join(vectors, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for dec := json.NewDecoder(file); dec.More(); {
		var row T
		if err := dec.Decode(&row); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		rows = append(rows, row)
	}
	return rows
}
