package matcher

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"lagermeister/heka"
)

// intended lists the specs for which Heka's answer is not ours, and why. Every
// other row of the vectors must agree.
var intended = map[string]string{
	// Heka ignores all but the last of several expressions side by side.
	"TRUE TRUE":  "juxtaposed expressions are an error",
	"FALSE TRUE": "juxtaposed expressions are an error",
	// A newline ends Heka's spec, and the rest of it is lost.
	"TRUE\n&& FALSE": "a newline is an error",
	"FALSE\n|| TRUE": "a newline is an error",
	// Whatever Heka's lexer does not know ends the spec as well.
	"TRUE Foo":      "an unknown word is an error",
	"TRUE AND TRUE": "an unknown word is an error",
	"TRUE Fields[":  "a malformed field is an error",
	// Heka reads what is no number as 0.
	"Severity == 1-1": "a malformed number is an error",
	// In Heka a bool field that is false answers every test but TRUE and NIL.
	`Fields[boolf] == 1`:   "a bool field is never a number",
	`Fields[boolf] == "x"`: "a bool field is never a string",
	`Fields[boolf] > 5`:    "a bool field is never a number",
}

type vector struct {
	Spec    string
	SpecB64 []byte `json:"spec_b64"`
	Message string
	Match   bool
	Error   string
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	file, err := os.Open("../testdata/matcher.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list []vector
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		if v.SpecB64 != nil {
			v.Spec = string(v.SpecB64)
		}
		list = append(list, v)
	}
	if len(list) < 600 {
		t.Fatalf("%d vectors, there should be more than 600", len(list))
	}
	return list
}

// readMessage reads a record of the vectors.
func readMessage(t testing.TB, id string) *heka.Message {
	t.Helper()
	frame, err := os.ReadFile("../testdata/records/" + id + ".bin")
	if err != nil {
		t.Fatal(err)
	}
	m := new(heka.Message)
	if err := m.Parse(frame[int(frame[1])+heka.FramingSize:]); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	return m
}

func TestVerdictsAreHekas(t *testing.T) {
	t.Parallel()
	different := map[string]bool{}
	for _, v := range readVectors(t) {
		spec, err := Parse(v.Spec)
		if v.Error != "" {
			if err == nil {
				t.Errorf("%q parses; Heka: %s", v.Spec, v.Error)
			}
			continue
		}
		if err == nil && spec.Match(readMessage(t, v.Message)) == v.Match {
			continue
		}
		if _, ok := intended[v.Spec]; !ok {
			t.Errorf("%q on %s: error %v, want %v", v.Spec, v.Message, err, v.Match)
		}
		different[v.Spec] = true
	}
	for spec, reason := range intended {
		if !different[spec] {
			t.Errorf("%q is listed as different (%s) but is not", spec, reason)
		}
	}
}

// What the vectors do not hold: the rules where we differ, and corners of the others.
func TestSuccessorRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		message, spec string
		want          bool
	}{
		{"x01", `Fields[boolf] == FALSE`, true},
		{"x01", `Fields[bool] == FALSE`, false},
		{"x01", `Fields[bool][0][1] == FALSE`, true},
		{"x01", `Fields[bool] == TRUE`, true},
		{"x01", `Fields[boolf] != "x"`, false},
		{"x01", `Fields[boolf] =~ /zzz/`, false},
		{"x01", `Fields[boolf] !~ /zzz/`, false},
		{"x01", `Fields[boolf] == NIL`, false},
		{"x01", `Fields[boolf] != NIL`, true},
		{"x01", `Fields[istrue] == TRUE`, true},
		{"x01", `Fields[string] != 42`, false},
		{"x01", `Fields[int] != "999"`, false},
		{"x01", `Fields[int] !~ /x/`, false},
		{"x01", `Fields[int] == TRUE`, false},
		{"x01", `Fields[big] == 9007199254740992`, true},
		{"x01", `Timestamp == 1373989745000000001`, true},
		{"x01", `Fields[sp ace] == "x"`, true},
		{"x01", `Fields[foo][2] == 7`, true},
		{"x01", `Fields[foo][3] == NIL`, true},
		{"x01", `Fields[foo][3] != 7`, false},
		{"x01", `Uuid == "87cf1ac2-e810-4ddf-a02d-a5ce44d13a85"`, true},
		{"x01", `Uuid =~ /^87cf1ac2-.*85$/`, true},
		{"x05", `Uuid == ""`, true}, // not 16 bytes
		{"x02", `Severity == 7`, true},
		{"x02", `Hostname == ""`, true},
		{"x02", `Hostname =~ //`, true},
		{"x04", `Fields[nov] == NIL`, true},
		{"x04", `Fields[nov] != NIL`, false},
		{"x04", `Fields[nan] != 1`, true},
		{"x04", `Fields[nan] == 1`, false},
		{"x04", `Fields[nan] >= 1`, false},
		{"x04", `Payload =~ /(?m)multi$/`, true}, // Heka: only at the end of the text
		{"x04", `Payload =~ /multi$/`, false},
	} {
		spec, err := Parse(c.spec)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := spec.Match(readMessage(t, c.message)); got != c.want {
			t.Errorf("%s on %s: %v, want %v", c.spec, c.message, got, c.want)
		}
	}
}

func TestNilSpecWantsEverything(t *testing.T) {
	t.Parallel()
	var spec *Spec
	if !spec.Match(new(heka.Message)) {
		t.Error("a nil spec refused a message")
	}
	if spec.String() != "TRUE" || spec.Root() != Literal(true) {
		t.Errorf("a nil spec reads %q", spec)
	}
}
