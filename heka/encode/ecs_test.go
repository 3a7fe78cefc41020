package encode

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"lagermeister/heka"
	"lagermeister/heka/hekapb"
)

var update = flag.Bool("update", false, "rewrite testdata/ecs.jsonl")

// cut is when the blocks of these tests were cut.
var cut = time.Date(2013, 7, 16, 15, 50, 0, 123456789, time.UTC)

func TestECSDocumentsOfTheRecordedMessages(t *testing.T) {
	t.Parallel()
	const golden = "testdata/ecs.jsonl" // a line for each message: id, tab, document
	e := mustNew(t, "ecs", nil, nil)
	var got []byte
	for _, id := range records(t) {
		m := readMessage(t, id)
		if len(m.Body) <= 3000 {
			got = append(append(got, id...), '\t')
			got = append(e.Append(got, &Record{Message: m, Sequence: 17, Index: 3, Cut: cut}), '\n')
		}
	}
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	if len(gotLines) != len(wantLines) {
		t.Errorf("%d documents, want %d", len(gotLines), len(wantLines))
	}
	for i := range min(len(gotLines), len(wantLines)) {
		if !bytes.Equal(gotLines[i], wantLines[i]) {
			t.Errorf("got  %s\nwant %s", gotLines[i], wantLines[i])
		}
	}
}

func TestECSWritesEveryHeaderUnderItsKey(t *testing.T) {
	t.Parallel()
	m := build(t, &hekapb.Message{
		Uuid:      bytes.Repeat([]byte{0xAB}, 16),
		Timestamp: proto.Int64(1373989746000000007),
		Type:      proto.String("nginx.access"), Logger: proto.String("nginx"), Severity: proto.Int32(6),
		Payload: proto.String("GET /"), EnvVersion: proto.String("0.8"), Pid: proto.Int32(14098), Hostname: proto.String("web1"),
	})
	got := string(mustNew(t, "ecs", nil, nil).Append(nil, &Record{Message: m, Sequence: 42, Index: 0, ClockSkew: true}))
	const want = `{"ecs.version":"8.11.0","@timestamp":"2013-07-16T15:49:06.000000007Z","message":"GET /","host.name":"web1","process.pid":14098,` +
		`"log.logger":"nginx","log.syslog.severity.code":6,"event.dataset":"nginx.access","service.version":"0.8",` +
		`"event.id":"abababab-abab-abab-abab-abababababab","lm.position":"42.0","lm.clock_skew":true}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestECSLeavesOutWhatIsAbsentButTheSeverityAndTheDate(t *testing.T) {
	t.Parallel()
	e := mustNew(t, "ecs", nil, nil)
	m := parse(t, nil)
	got := string(e.Append(nil, &Record{Message: m, Cut: cut}))
	if want := `{"ecs.version":"8.11.0","@timestamp":"2013-07-16T15:50:00.123456789Z","log.syslog.severity.code":7}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = string(e.Append(nil, &Record{Message: m})) // no block, so no date
	if want := `{"ecs.version":"8.11.0","log.syslog.severity.code":7}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestECSFields(t *testing.T) {
	t.Parallel()
	text := func(name string, values ...string) *hekapb.Field {
		return &hekapb.Field{Name: &name, ValueString: values}
	}
	integer := func(name string, values ...int64) *hekapb.Field {
		return &hekapb.Field{Name: &name, ValueType: hekapb.Field_INTEGER.Enum(), ValueInteger: values}
	}
	double := func(name string, values ...float64) *hekapb.Field {
		return &hekapb.Field{Name: &name, ValueType: hekapb.Field_DOUBLE.Enum(), ValueDouble: values}
	}
	octets := func(name string, values ...[]byte) *hekapb.Field {
		return &hekapb.Field{Name: &name, ValueType: hekapb.Field_BYTES.Enum(), ValueBytes: values}
	}
	boolean := func(name string, values ...bool) *hekapb.Field {
		return &hekapb.Field{Name: &name, ValueType: hekapb.Field_BOOL.Enum(), ValueBool: values}
	}
	many := make([]*hekapb.Field, 300)
	for i := range many {
		many[i] = integer(fmt.Sprintf("n%d", i%3), int64(i))
	}
	for _, c := range []struct {
		name   string
		fields []*hekapb.Field
		want   string // after the fixed members
	}{
		{"one value is a scalar, more are an array", []*hekapb.Field{text("a", "x"), text("b", "x", "y")}, `"heka.a":"x","heka.b":["x","y"]`},
		{"no value is null", []*hekapb.Field{text("a"), integer("b")}, `"heka.a":null,"heka.b":null`},
		{"integers keep all digits", []*hekapb.Field{integer("i", math.MinInt64, math.MaxInt64)}, `"heka.i":[-9223372036854775808,9223372036854775807]`},
		{"doubles never look like integers", []*hekapb.Field{double("d", 42, 0.1, math.Copysign(0, -1), 1e21, 1e-7, 19101.3)}, `"heka.d":[42.0,0.1,-0.0,1e+21,1e-07,19101.3]`},
		{"NaN and infinities are null", []*hekapb.Field{double("d", math.NaN(), math.Inf(1), math.Inf(-1)), double("e", math.NaN())}, `"heka.d":[null,null,null],"heka.e":null`},
		{"bytes are base64, also one value", []*hekapb.Field{octets("b", []byte{0xFF, 0}), octets("c", []byte("a"), nil)}, `"heka.b":"/wA=","heka.c":["YQ==",""]`},
		{"booleans", []*hekapb.Field{boolean("b", true), boolean("c", true, false)}, `"heka.b":true,"heka.c":[true,false]`},
		{"a repeated name gives one key, where it stood first", []*hekapb.Field{text("a", "1"), text("b", "2"), integer("a", 3), text("a")}, `"heka.a":["1",3],"heka.b":"2"`},
		{"dots are kept", []*hekapb.Field{text("a.b.c", "x"), text("a.b", "y")}, `"heka.a.b.c":"x","heka.a.b":"y"`},
		{"empty and blank parts become underscores", []*hekapb.Field{text("a..b", "x"), text(".", "y"), text("c.", "z"), text(" \t.d", "w")}, `"heka.a._.b":"x","heka._._":"y","heka.c._":"z","heka._.d":"w"`},
		{"names that become the same key are one", []*hekapb.Field{text("", "x"), text("_", "y"), text(" ", "z")}, `"heka._":["x","y","z"]`},
		{"names are escaped", []*hekapb.Field{text("a\"\\\n", "x")}, `"heka.a\u0022\u005c\u000a":"x"`},
		{"three names in 300 fields", many, fmt.Sprintf(`"heka.n0":%s,"heka.n1":%s,"heka.n2":%s`, every(0, 3, 300), every(1, 3, 300), every(2, 3, 300))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := build(t, &hekapb.Message{Uuid: []byte{}, Timestamp: proto.Int64(0), Fields: c.fields})
			got := string(mustNew(t, "ecs", []string{"DynamicFields"}, nil).Append(nil, &Record{Message: m}))
			if want := `{"ecs.version":"8.11.0",` + c.want + `}`; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestNamesThatAreNotUTF8BecomeOneKeyWhenTheyReadTheSame(t *testing.T) {
	t.Parallel()
	m := parse(t, []byte{
		0x52, 8, 0x0A, 1, 0xFE, 0x22, 3, 'o', 'n', 'e',
		0x52, 8, 0x0A, 1, 0xFF, 0x22, 3, 't', 'w', 'o',
		0x52, 5, 0x22, 3, 'n', 'i', 'l', // no name at all
	})
	got := string(mustNew(t, "ecs", []string{"DynamicFields"}, nil).Append(nil, &Record{Message: m}))
	if want := "{\"ecs.version\":\"8.11.0\",\"heka.\uFFFD\":[\"one\",\"two\"],\"heka._\":\"nil\"}"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFieldListsRestrictEveryFormat(t *testing.T) {
	t.Parallel()
	name := func(s string) *hekapb.Field { return &hekapb.Field{Name: &s, ValueString: []string{s}} }
	m := build(t, &hekapb.Message{Uuid: []byte{}, Timestamp: proto.Int64(0), Payload: proto.String("p"), Hostname: proto.String("h"), Fields: []*hekapb.Field{name("a"), name("b"), name("A")}})
	for format, want := range map[string]string{
		"heka":     `{"a":"a","Payload":"p"}`,
		"logstash": `{"@fields":{"a":"a"},"@message":"p"}`,
		"ecs":      `{"ecs.version":"8.11.0","heka.a":"a","message":"p"}`,
	} {
		e := mustNew(t, format, []string{"dynamicFIELDS", "payload"}, []string{"a", "c"})
		if got := string(e.Append(nil, &Record{Message: m})); got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
	}
}

func TestAnECSDocumentHoldsAPartOnceHoweverOftenItIsListed(t *testing.T) {
	t.Parallel()
	m := build(t, &hekapb.Message{Uuid: []byte{}, Timestamp: proto.Int64(0), Payload: proto.String("p")})
	got := string(mustNew(t, "ecs", []string{"Payload", "payload"}, nil).Append(nil, &Record{Message: m}))
	if strings.Count(got, `"message"`) != 1 {
		t.Errorf("got %s", got)
	}
}

func TestSettingsThatCannotBeUsedAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Format: "xml"}, `FORMAT: document format "xml": want heka, logstash or ecs`},
		{Config{Format: "ecs", Fields: []string{"Uuid", "fields"}}, `FIELDS: document field "fields": want one of Uuid, `},
	} {
		if err := c.config.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	if err := (Config{Format: "heka", Fields: []string{" uuid", "PAYLOAD"}}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestDatesKeepNineDigitsOnBothSidesOf1970(t *testing.T) {
	t.Parallel()
	for _, ns := range []int64{0, 1, -1, 999999999, -1000000000, 1373989746000000007, math.MaxInt64, math.MinInt64} {
		want := time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z")
		if got := string(appendRFC3339(nil, ns)); got != want {
			t.Errorf("%d: got %s, want %s", ns, got, want)
		}
	}
}

func TestEscapingLeavesOnlyWhatJSONAllows(t *testing.T) {
	t.Parallel()
	for c := range 256 { // at each place of an eight-byte word
		for at := range 17 {
			s := bytes.Repeat([]byte{'x'}, 17)
			s[at] = byte(c)
			var got string
			if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
				t.Fatalf("byte %#x at %d: %v", c, at, err)
			}
			if want := strings.ToValidUTF8(string(s), "\uFFFD"); got != want {
				t.Fatalf("byte %#x at %d: got %q, want %q", c, at, got, want)
			}
		}
	}
}

// every is the JSON array of from, from+step, … below end.
func every(from, step, end int) string {
	var list []int
	for i := from; i < end; i += step {
		list = append(list, i)
	}
	text, _ := json.Marshal(list)
	return string(text)
}

func build(t testing.TB, pb *hekapb.Message) *heka.Message {
	t.Helper()
	body, err := proto.MarshalOptions{AllowPartial: true}.Marshal(pb)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, body)
}

func parse(t testing.TB, body []byte) *heka.Message {
	t.Helper()
	m := new(heka.Message)
	if err := m.Parse(body); err != nil {
		t.Fatal(err)
	}
	return m
}
