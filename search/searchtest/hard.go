package searchtest

import (
	"encoding/base64"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"lagermeister/heka"
)

// add appends a Field submessage to a message.
func add(body, field []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(body, 10, protowire.BytesType), field)
}

// field begins a Field submessage; the first value follows.
func field(name string, t heka.ValueType, number protowire.Number, kind protowire.Type) []byte {
	out := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), name)
	out = protowire.AppendVarint(protowire.AppendTag(out, 2, protowire.VarintType), uint64(t))
	return protowire.AppendTag(out, number, kind)
}

func text(name string, values ...string) []byte {
	out := field(name, heka.StringType, 4, protowire.BytesType)
	for i, value := range values {
		if i > 0 {
			out = protowire.AppendTag(out, 4, protowire.BytesType)
		}
		out = protowire.AppendString(out, value)
	}
	return out
}

func data(name, value string) []byte {
	return protowire.AppendString(field(name, heka.BytesType, 5, protowire.BytesType), value)
}

func integer(name string, n int64) []byte {
	return protowire.AppendVarint(field(name, heka.IntegerType, 6, protowire.VarintType), uint64(n))
}

func double(name string, n float64) []byte {
	return protowire.AppendFixed64(field(name, heka.DoubleType, 7, protowire.Fixed64Type), math.Float64bits(n))
}

func boolean(name string, b bool) []byte {
	return protowire.AppendVarint(field(name, heka.BoolType, 8, protowire.VarintType), protowire.EncodeBool(b))
}

// oneType returns a message without the fields that repeat a name with another
// type, which a search engine refuses, and nil when there are none.
func oneType(body []byte) (out []byte) {
	types := map[string]heka.ValueType{}
	changed := false
	for rest := body; len(rest) > 0; {
		number, _, size := protowire.ConsumeField(rest)
		if size < 0 {
			return nil // not a message
		}
		keep := true
		var one heka.Message
		if number == 10 && one.Parse(rest[:size]) == nil {
			f := one.Field(0)
			first, seen := types[string(f.Name)]
			keep = !seen || first == f.Type
			types[string(f.Name)] = f.Type
		}
		if keep {
			out = append(out, rest[:size]...)
		}
		changed = changed || !keep
		rest = rest[size:]
	}
	if !changed {
		return nil
	}
	return out
}

// message is a record of the table with a payload and fields. Time 0 is absent.
func message(time int64, payload string, fields ...[]byte) []byte {
	out := protowire.AppendString(protowire.AppendTag(nil, 9, protowire.BytesType), "hard.example.com")
	if time != 0 {
		out = protowire.AppendVarint(protowire.AppendTag(out, 2, protowire.VarintType), uint64(time))
	}
	out = protowire.AppendString(protowire.AppendTag(out, 3, protowire.BytesType), "hard")
	out = protowire.AppendString(protowire.AppendTag(out, 6, protowire.BytesType), payload)
	for _, f := range fields {
		out = add(out, f)
	}
	return out
}

// hardRecords are what search engines and JSON documents have trouble with.
//
// Fields are typed by their first value in a document store, so a name has one
// type here, save where the trouble is meant.
func hardRecords() [][]byte {
	const at = 1500000000_000000001
	long := strings.Repeat("long", 2500)
	return [][]byte{
		message(at, "no uuid, no severity, no pid"),
		message(0, "no time at all: the block's stands in the document"),
		message(-5, "before 1970, which some stores cannot index"),
		message(at, "see example.com:8080/a_b it's 3.14 foo_bar timed-out", text("url", "http://example.com/a?b=c*d")),
		message(at, "straße ÜBER Ελλάδα привет 日本語テキスト", text("city", "Köln")),
		message(at, strings.Repeat("a.b", 84)+".needle."+strings.Repeat("c_", 300), text("kind", "words that never end")),
		message(at, "broken \xff\xfe utf-8 timed out", text("broken", "a\xffb"), text("whole", "a\uFFFDb")),
		message(at, "binary", data("blob", "data"), data("raw2", "\x00\xff\x01")),
		message(at, "base64 by accident", text("method", "POST"), text("word", "data")),
		message(at, "base64 as text", text("blob", base64.StdEncoding.EncodeToString([]byte("other")))),
		message(at, long+" payload end", text("long", long)),
		message(at, "long beside short", text("long", long, "short")),
		message(at, "short", text("long", "longer than none")),
		message(at, "no number", double("ratio", math.NaN())),
		message(at, "endless", double("ratio", math.Inf(1))),
		message(at, "minus", double("ratio", math.Inf(-1))),
		message(at, "fractions", double("ratio", 0.1), double("whole2", 42), integer("count", 41)),
		message(at, "beyond 2^53", integer("count", 1<<53+1), integer("huge", math.MaxInt64)),
		message(at, "negative", integer("count", -7), double("ratio", -0.5)),
		message(at, "zero", integer("count", 0), double("ratio", 0)),
		message(at, "flags", boolean("up", true), boolean("down", false)),
		message(at, "a field twice", text("twice", "one"), text("twice", "two", "three")),
		message(at, "an array", text("twice", "one", "two", "three")),
		message(at, "mixed", text("mixed", "5"), text("mixed", "x")),
		message(at, "odd names", text("a..b", "dots"), text("", "nameless"), text(" ", "blank"), text("x*y", "star"), text("deep.er.still", "z")),
		message(at, "the name that another one maps to", text("a._.b", "underscore")),
		message(at, "no value", protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "hollow")),
		message(at, "", text("note", "an empty payload")),
		message(at, "a\\b *star* ?mark? \"quoted\" /slash/", text("path", `C:\temp\*.log`)),
	}
}

// hardSpecs ask for them.
var hardSpecs = []string{
	`TRUE`, `FALSE`,
	`Type == "hard"`, `Type != "hard"`, `Type =~ /ar/`, `Type !~ /ar/`, `Type =~ /^h..d$/`, `Type > "h"`, `Type == ""`, `Type != ""`,
	`Uuid == ""`, `Uuid != ""`, `Uuid == "9d40abfe-7329-4258-9fd8-000000000001"`, `Uuid =~ /^9d40/`, `Uuid =~ /9FD8/`,
	`Hostname == "hard.example.com"`, `Hostname =~ /\.example\.com$/`, `Hostname =~ /(?i)EXAMPLE/`, `Logger == ""`, `EnvVersion == ""`, `Logger =~ //`, `Logger !~ /./`,
	`Severity == 7`, `Severity != 7`, `Severity < 7`, `Severity >= 6.5`, `Severity > 9e18`, `Pid == 0`, `Pid > 0`, `Pid < 0.5`, `Pid != 0`,
	`Timestamp == 0`, `Timestamp != 0`, `Timestamp > 0`, `Timestamp < 0`, `Timestamp <= 1`, `Timestamp >= 1500000000000000001`, `Timestamp == 1500000000000000000`,
	`Timestamp > 1500000000000000001`, `Timestamp < 1e18`, `Timestamp > 9.3e18`, `Timestamp >= 1373989748000000021`, `Timestamp == 1373989748000000021`,
	`Payload == ""`, `Payload != ""`, `Payload == "short"`, `Payload =~ /example/`, `Payload =~ /xampl/`, `Payload =~ /timed.out/`, `Payload =~ /foo_bar/`, `Payload =~ /Needle/`,
	`Payload =~ /needle/`, `Payload =~ /STRASSE/`, `Payload =~ /stra.e/`, `Payload =~ /ÜBER/`, `Payload =~ /本語/`, `Payload =~ /привет$|^binary/`, `Payload =~ /\*star\*/`, `Payload =~ /a\\b/`,
	`Payload =~ /payload end$/`, `Payload !~ /payload/`, `Payload =~ /\x{fffd}/`, `Payload == "a\\b *star* ?mark? \"quoted\" /slash/"`, `Payload > "z"`,
	`Payload =~ /(?i)nEEDLE/`, `Payload =~ /(?i)über/`, `Payload =~ /(^|[^\pL\p{Nd}])needle([^\pL\p{Nd}]|$)/`, `Payload =~ /(^|[^\pL\p{Nd}])star([^\pL\p{Nd}]|$)/`, `Payload =~ /(?i)A\\B/ && Payload =~ /(?i)\/SLASH\//`,
	`Fields[url] =~ /a\?b=c\*d/`, `Fields[url] == "http://example.com/a?b=c*d"`, `Fields[city] == "Köln"`, `Fields[city] =~ /^K/`, `Fields[path] == 'C:\temp\*.log'`,
	"Fields[broken] == \"a\uFFFDb\"", "Fields[broken] != \"a\uFFFDb\"", `Fields[broken] =~ /^a.b$/`, `Fields[broken] > "a"`, "Fields[whole] == \"a\uFFFDb\"",
	`Fields[blob] == "data"`, `Fields[blob] != "data"`, `Fields[blob] =~ /^da/`, `Fields[blob] !~ /a/`, `Fields[blob] == "other"`, `Fields[raw2] =~ /^\x00/`, `Fields[blob] < "e"`,
	`Fields[method] == "POST"`, `Fields[method] != "POST"`, `Fields[method] !~ /POST/`, `Fields[word] == "data"`, `Fields[word] != "data"`,
	`Fields[long] =~ /^long/`, `Fields[long] =~ /glong$/`, `Fields[long] != "short"`, `Fields[long] != NIL`, `Fields[long] == NIL`, `Fields[long] > "longer"`, `Fields[long][0][1] == "short"`,
	`Fields[ratio] == NIL`, `Fields[ratio] != NIL`, `Fields[ratio] > 1`, `Fields[ratio] < 0`, `Fields[ratio] != 0`, `Fields[ratio] == 0`, `Fields[ratio] >= .1`, `Fields[ratio] <= .1`, `Fields[ratio] > .1`, `Fields[ratio] == "0.1"`,
	`Fields[count] == 9007199254740992`, `Fields[count] >= 9007199254740992`, `Fields[count] > 9007199254740992`, `Fields[count] < 41.5`, `Fields[count] > 40.5`, `Fields[count] == 40.5`, `Fields[count] != 41`,
	`Fields[whole2] == 42`, `Fields[huge] > 9e18`, `Fields[huge] == 9223372036854775807`, `Fields[huge] < 1e300`,
	`Fields[up] == TRUE`, `Fields[up] == FALSE`, `Fields[down] == FALSE`, `Fields[down] == 0`, `Fields[down] != "x"`, `Fields[down] == NIL`,
	`Fields[twice] == "one"`, `Fields[twice][1] == "two"`, `Fields[twice][1][1] == "three"`, `Fields[twice][0][1] == "two"`, `Fields[twice][1] == NIL`, `Fields[twice][1] != NIL`, `Fields[twice] == "two"`,
	`Fields[mixed] == 5`, `Fields[mixed] == "5"`, `Fields[mixed][1] == "x"`,
	`Fields[a..b] == "dots"`, `Fields[a..b] == NIL`, `Fields[a._.b] == "underscore"`, `Fields[a._.b] == NIL`, `Fields[x*y] == "star"`, `Fields[x*y] == NIL`, `Fields[ ] == "blank"`, `Fields[_] == NIL`, `Fields[deep.er.still] == "z"`,
	`Fields[hollow] == NIL`, `Fields[hollow] != NIL`, `Fields[hollow] == ""`, `Fields[nowhere] == NIL`, `Fields[nowhere] != "x"`, `Fields[nowhere] == 1`, `Fields[nowhere] > 1`,
	`Type == "hard" && (Fields[count] > 40 || Fields[twice] == "one") && Payload !~ /mixed/`,
	`(Type == "hard" || Type == "TEST") && (Severity <= 6 || Fields[up] == TRUE)`,
}
