package heka_test

import (
	"errors"
	"strings"
	"testing"

	"lagermeister/heka"
)

func TestParseAcceptsWhatHekaDecodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, want string }{
		{"nothing", "", ""},
		{"empty strings are not absent ones", "1a00 3200", `type "",payload ""`},
		{"any order", "4a0168 1001", `timestamp 1,hostname "h"`},
		{"the last one counts, also when it is shorter", "1a026161 1005 1a0162 1006", `timestamp 6,type "b"`},
		{"uuid of one byte", "0a01ff", `uuid "\xff"`},
		{"no UTF-8", "3202fffe", `payload "\xff\xfe"`},
		{"negative timestamp", "10ffffffffffffffffff01", "timestamp -1"},
		{"negative pid in 10 bytes", "40ffffffffffffffffff01", "pid -1"},
		{"negative pid in 5 bytes", "40ffffffff0f", "pid -1"},
		{"pid beyond 32 bits is cut", "4085808080f0ff01", "pid 5"},
		{"number of 12 bytes", "1081808080808080808080808000", "timestamp 1"},
		{"length of 12 bytes", "1a818080808080808080808000 61", `type "a"`},
		{"tag of 2 bytes", "9a000161", `type "a"`},
		{"tag beyond 32 bits", "9a8080808001 0161", `type "a"`},
		{"unknown number", "5801 6161 0161 7a", "error"},
		{"unknown fields of each wire type", "5801 5900000000000000ff 5a0161 5d000000ff 1001", "timestamp 1"},
		{"unknown string with a tag of 3 bytes", "da8000 0161 1001", "timestamp 1"}, // Heka resumes inside the tag
		{"unknown group", "5b 0801 5b 120161 5c 1a0162 5c 1001", "timestamp 1"},
		{"group that ends with another number", "5b 64 1001", "timestamp 1"},
		{"end of a group without a start", "5c 1001", "timestamp 1"},
		{"field number 0", "0001 1001", "timestamp 1"},
	} {
		var m heka.Message
		err := m.Parse(unhex(t, c.body))
		got := "error"
		if err == nil {
			got = short(&m)
		}
		if got != c.want {
			t.Errorf("%s: %s (%v), want %s", c.name, got, err, c.want)
		}
	}
}

// short is describe without what stands there always.
func short(m *heka.Message) string {
	var s []string
	for line := range strings.Lines(describe(m)) {
		if !strings.HasPrefix(line, "uuid text") && !strings.HasPrefix(line, "effective") {
			s = append(s, strings.TrimSpace(line))
		}
	}
	return strings.Join(s, ",")
}

func TestParseRefusesWithThePlaceOfTheField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		offset     int
	}{
		{"tag ends", "1001 80", 2},
		{"number ends", "1001 1080", 2},
		{"number is missing", "1001 10", 2},
		{"length is missing", "1001 1a", 2},
		{"length ends", "1001 1a80", 2},
		{"string ends", "1001 1a0261", 2},
		{"string of 2^31 bytes", "1001 1a8080808008", 2},
		{"negative length (m202)", "1001 1affffffffffffffffff01", 2},
		{"largest length", "1001 1affffffffffffffff7f", 2},
		{"field ends", "1001 520461", 2},
		{"wrong wire type of a string", "1001 1801", 2},
		{"wrong wire type of a number", "1001 120161", 2},
		{"group instead of the fields", "1001 5354", 2},
		{"wire type 6", "1001 5e", 2},
		{"wire type 7", "1001 5f", 2},
		{"wire type 7 in a group", "1001 5b5f5c", 2},
		{"group without an end", "1001 5b0801", 2},
		{"unknown number ends", "1001 5880", 2},
		{"unknown fixed64 ends", "1001 5900", 2},
		{"unknown fixed32 ends", "1001 5d00", 2},
		{"unknown string of negative length", "1001 5affffffffffffffffff01", 2},
	} {
		var m heka.Message
		err := m.Parse(unhex(t, c.body))
		var decode *heka.DecodeError
		if !errors.As(err, &decode) || decode.Offset != c.offset || decode.Reason == "" {
			t.Errorf("%s: %v, want an error at byte %d", c.name, err, c.offset)
		}
		if m.Timestamp != 1 || m.NumFields() != 0 {
			t.Errorf("%s: what came before was not kept: %s", c.name, short(&m))
		}
	}
}

// Groups are stepped over in a loop: depth must not cost stack.
func TestParseTakesGroupsOfAnyDepth(t *testing.T) {
	t.Parallel()
	var m heka.Message
	if err := m.Parse([]byte(strings.Repeat("\x5b", 1<<20) + strings.Repeat("\x5c", 1<<20))); err != nil {
		t.Error(err)
	}
}

func TestParseForgetsThePreviousMessage(t *testing.T) {
	t.Parallel()
	full := (&heka.Draft{
		UUID: make([]byte, 16), Timestamp: 1, Type: "t", Logger: "l", Severity: 1, Payload: "p",
		EnvVersion: "e", Pid: 1, Hostname: "h", Fields: []heka.DraftField{{Name: "f"}},
	}).Append(nil)
	var m, fresh heka.Message
	for _, body := range [][]byte{{}, []byte("\x0f")} {
		if err := m.Parse(full); err != nil || m.NumFields() != 1 {
			t.Fatal(m.NumFields(), err)
		}
		_ = m.Parse(body)
		_ = fresh.Parse(body)
		if got, want := describe(&m), describe(&fresh); got != want || m.Severity != heka.DefaultSeverity {
			t.Errorf("after %x: %s", body, got)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, reason string }{
		{"hostname and payload", "4a0168 320170", ""},
		{"hostname and empty payload", "4a0168 3200", ""},
		{"hostname and a field", "4a0168 5200", ""},
		{"no hostname", "320170", "hostname"},
		{"empty hostname", "4a00 320170", "hostname"},
		{"neither payload nor field", "4a0168 1001 1a0161", "empty"},
		{"nothing", "", "hostname"},
	} {
		var m heka.Message
		if err := m.Parse(unhex(t, c.body)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		err := m.Validate()
		var invalid *heka.InvalidError
		if errors.As(err, &invalid); (err == nil) != (c.reason == "") || err != nil && invalid.Reason != c.reason {
			t.Errorf("%s: %v, want reason %q", c.name, err, c.reason)
		}
	}
}

func TestErrorsSayWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	var m heka.Message
	for body, want := range map[string]string{
		"1001 1a0261": "message cannot be decoded at byte 2, field 3 (type): length goes beyond the last byte",
		"0a00 1080":   "message cannot be decoded at byte 2, field 2 (timestamp): value ends beyond the last byte",
		"520161 5001": "message cannot be decoded at byte 3, field 10 (fields): wire type does not belong to this field",
		"5e":          "message cannot be decoded at byte 0, field 11: wire type 6 or 7 does not exist",
		"1001 80":     "message cannot be decoded at byte 2: value ends beyond the last byte",
		"3200":        "message has no hostname (field 9)",
		"4a0168":      "message has no payload (field 6) and no fields (field 10); it needs one of them",
	} {
		err := m.Parse(unhex(t, body))
		if err == nil {
			err = m.Validate()
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}

func TestAppendUUID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"9D40ABFE732942589FD8000000000ABC":   "x9d40abfe-7329-4258-9fd8-000000000abc",
		"":                                   "x",
		"9d40abfe732942589fd8000000000a":     "x",
		"9d40abfe732942589fd8000000000abc00": "x",
	} {
		if got := string(heka.AppendUUID([]byte("x"), unhex(t, in))); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
