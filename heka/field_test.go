package heka_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"lagermeister/heka"
)

// fieldOf returns a message's only field, whose members are given in hex.
func fieldOf(t *testing.T, hex string) heka.Field {
	t.Helper()
	raw := unhex(t, hex)
	body := binary.AppendUvarint([]byte{10<<3 | 2}, uint64(len(raw)))
	var m heka.Message
	if err := m.Parse(append(body, raw...)); err != nil {
		t.Fatal(err)
	}
	return m.Field(0)
}

func values(f *heka.Field) string {
	var all []any
	for i, v := range f.Values() {
		if i != len(all) {
			return fmt.Sprintf("index %d at place %d", i, len(all))
		}
		switch f.Type {
		case heka.IntegerType:
			all = append(all, v.Int)
		case heka.DoubleType:
			all = append(all, v.Double)
		case heka.BoolType:
			all = append(all, v.Bool)
		default:
			all = append(all, string(v.Bytes))
		}
	}
	return fmt.Sprint(all)
}

func TestFieldYieldsTheValuesOfItsType(t *testing.T) {
	t.Parallel()
	const one, two = "000000000000f03f", "0000000000000040"
	for _, c := range []struct{ name, raw, want string }{
		{"nothing", "", "[]"},
		{"no type is string", "0a016e 220161 220162", "[a b]"},
		{"type behind the values", "220161 300a 1002", "[10]"},
		{"the last type counts", "1000 1002 220161 300a", "[10]"},
		{"strings and bytes are apart", "1001 220161 2a0162", "[b]"},
		{"empty strings are values", "2200 2200", "[ ]"},
		{"packed integers", "1002 3203018001", "[1 128]"},
		{"integers one by one", "1002 3001 308001", "[1 128]"},
		{"mixed and split integers", "1002 3001 32020203 3004 320105", "[1 2 3 4 5]"},
		{"empty list", "1002 3200", "[]"},
		{"negative integer", "1002 30ffffffffffffffffff01", "[-1]"},
		{"packed doubles", "1003 3a10" + one + two, "[1 2]"},
		{"mixed doubles", "1003 39" + one + "3a08" + two, "[1 2]"},
		{"any bool but 0 is true", "1004 4204 00 01 02 8000", "[false true true false]"},
		{"bools one by one", "1004 4000 4005", "[false true]"},
		{"a type that does not exist has no values", "1009 220161", "[]"},
		{"other members between", "220161 7801 1a0162 220163", "[a c]"},

		// Damage ends the field; what stands before it counts.
		{"string ends", "220161 220461", "[a]"},
		{"wrong wire type of a value", "220161 2001 220162", "[a]"},
		{"wrong wire type of the name", "220161 0801 220162", "[a]"},
		{"wire type 7", "220161 7f 220162", "[a]"},
		{"negative length", "220161 22ffffffffffffffffff01 220162", "[a]"},
		{"packed integers end inside of one", "1002 32030180ff", "[1]"},
		{"packed integers end before their length", "1002 3001 32050203", "[1]"},
		{"packed doubles end inside of one", "1003 3a0c" + one + "00000000", "[1]"},
		{"double ends", "1003 39" + one + "390000", "[1]"},
		// Heka reads a packed number to its end, past the end of its list.
		{"packed integer past its list", "1002 32020180 01 3005", "[1 128 5]"},
		{"packed double past its list", "1003 3a04" + one + "39" + two, "[1 2]"},
	} {
		f := fieldOf(t, c.raw)
		if got := values(&f); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		n := 0
		for i, want := range f.Values() {
			n++
			if got, ok := f.Value(i); !ok || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: value %d is %v, want %v", c.name, i, got, want)
			}
		}
		if f.Len() != n {
			t.Errorf("%s: Len is %d, there are %d", c.name, f.Len(), n)
		}
		for _, i := range []int{-1, n, n + 1} {
			if v, ok := f.Value(i); ok || v.Bytes != nil {
				t.Errorf("%s: value %d of %d is %v", c.name, i, n, v)
			}
		}
		for i := range f.Values() { // may be left early
			if i == 1 {
				break
			}
		}
	}
}

func TestFieldKeepsEachBitOfADouble(t *testing.T) {
	t.Parallel()
	for _, v := range []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat64, math.Float64frombits(0x7ff8dead0000beef)} {
		f := fieldOf(t, fmt.Sprintf("1003 39%x", binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))))
		if got, _ := f.Value(0); math.Float64bits(got.Double) != math.Float64bits(v) {
			t.Errorf("%x, want %x", math.Float64bits(got.Double), math.Float64bits(v))
		}
	}
}

func TestFieldTellsAbsentFromEmpty(t *testing.T) {
	t.Parallel()
	if f := fieldOf(t, "220161"); f.Name != nil || f.Representation != nil || f.HasType || f.Type != heka.StringType {
		t.Errorf("absent members: %+v", f)
	}
	if f := fieldOf(t, "0a00 1000 1a00"); f.Name == nil || f.Representation == nil || !f.HasType {
		t.Errorf("empty members: %+v", f)
	}
	if f := fieldOf(t, "0a0161 0a0162 1a0163 1a0164"); string(f.Name) != "b" || string(f.Representation) != "d" {
		t.Errorf("repeated members: name %q, representation %q; the last one counts", f.Name, f.Representation)
	}
}
