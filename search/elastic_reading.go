package search

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"lagermeister/heka"
	"lagermeister/heka/matcher"
)

// field is the verdict on a test of a dynamic field. All readings of the
// document's values are tried.
func (d *document) field(t *matcher.Test, key string) Verdict {
	var values []json.RawMessage
	raw := bytes.TrimSpace(d.members[key])
	switch {
	case raw == nil:
		return d.reading(t, nil)
	case raw[0] != '[':
		values = []json.RawMessage{raw}
		if string(raw) == "null" {
			return agree(d.reading(t, nil), d.value(t, raw))
		}
	default:
		if json.Unmarshal(raw, &values) != nil || len(values) == 0 {
			return Maybe // not as we write it
		}
	}
	// Another name may have the same key, and broken bytes in a name look alike.
	shared := strings.ContainsRune(key, utf8.RuneError) || slices.Contains(strings.Split(strings.TrimPrefix(key, "heka."), "."), "_")
	if t.Field == 0 && t.Index == 0 && !shared {
		return d.value(t, values[0])
	}
	// Field n begins at value n or later, and may have ended before the value.
	list := []Verdict{d.reading(t, nil)}
	if first := t.Field + t.Index; shared || first >= 0 && first < len(values) {
		if shared {
			first = 0
		}
		for _, value := range values[first:] {
			list = append(list, d.value(t, value))
			if t.Field == 0 && !shared {
				break
			}
		}
	}
	return agree(list...)
}

// agree is the common verdict, or Maybe.
func agree(list ...Verdict) Verdict {
	if slices.Min(list) == slices.Max(list) {
		return list[0]
	}
	return Maybe
}

func verdictOf(match bool) Verdict {
	if match {
		return Yes
	}
	return No
}

// value is the verdict on one value of a document.
func (d *document) value(t *matcher.Test, raw json.RawMessage) Verdict {
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return Maybe
		}
		return d.stringValue(t, s)
	case 't', 'f':
		return d.reading(t, boolValue(raw[0] == 't'))
	case 'n':
		return agree(d.reading(t, doubleValue(math.NaN())), d.reading(t, doubleValue(math.Inf(1))), d.reading(t, doubleValue(math.Inf(-1))))
	}
	var n int64
	if json.Unmarshal(raw, &n) == nil {
		return d.reading(t, integerValue(n))
	}
	var f float64
	if json.Unmarshal(raw, &f) != nil {
		return Maybe // an object
	}
	return d.reading(t, doubleValue(f))
}

// stringValue is the verdict on a string, which, when it is base64, may have been
// bytes. Any short word is base64 by accident, of bytes that are no text; such a
// word is taken for what it says, or every POST would be a doubtful case of
// != "POST", and the bytes can only make it a Maybe.
func (d *document) stringValue(t *matcher.Test, s string) Verdict {
	if blurred(t, s) {
		return Maybe
	}
	verdict := d.reading(t, bytesValue(heka.StringType, []byte(s)))
	decoded, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(decoded) == 0 {
		return verdict
	}
	excludes := t.Op == matcher.OpNotEqual || t.Op == matcher.OpNotMatch
	if !printable(decoded) && excludes == (verdict == No) {
		return verdict
	}
	return agree(verdict, d.reading(t, bytesValue(heka.BytesType, decoded)))
}

func printable(b []byte) bool {
	return utf8.Valid(b) && bytes.IndexFunc(b, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }) < 0
}

func base64Text(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// reading is the verdict if the message has a field with that one value, or, for
// nil, no such field. The matcher itself decides, on wire bytes.
func (d *document) reading(t *matcher.Test, value []byte) Verdict {
	var body []byte
	if value != nil {
		field := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), t.Name)
		body = protowire.AppendBytes(protowire.AppendTag(nil, 10, protowire.BytesType), append(field, value...))
	}
	var m heka.Message
	if m.Parse(body) != nil {
		return Maybe // cannot be: we wrote it
	}
	return verdictOf(d.spec(t).Match(&m))
}

// The following return the type and the value of a Field submessage.

func valueType(t heka.ValueType) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), uint64(t))
}

func bytesValue(t heka.ValueType, b []byte) []byte {
	number := protowire.Number(4) // value_string
	if t == heka.BytesType {
		number = 5
	}
	return protowire.AppendBytes(protowire.AppendTag(valueType(t), number, protowire.BytesType), b)
}

func integerValue(n int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(valueType(heka.IntegerType), 6, protowire.VarintType), uint64(n))
}

func doubleValue(f float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(valueType(heka.DoubleType), 7, protowire.Fixed64Type), math.Float64bits(f))
}

func boolValue(b bool) []byte {
	return protowire.AppendVarint(protowire.AppendTag(valueType(heka.BoolType), 8, protowire.VarintType), protowire.EncodeBool(b))
}
