package heka_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"lagermeister/heka"
	"lagermeister/heka/hekapb"
)

// Draft writes what protobuf's own encoder writes, byte for byte.
func TestDraftWritesWhatProtobufWrites(t *testing.T) {
	t.Parallel()
	long := make([]int64, 300) // more than one byte of length, twice
	for i := range long {
		long[i] = int64(i) - 150
	}
	drafts := []struct {
		name  string
		draft heka.Draft
		want  *hekapb.Message
	}{
		{"nothing", heka.Draft{}, &hekapb.Message{
			Timestamp: proto.Int64(0), Severity: proto.Int32(0), Pid: proto.Int32(0),
		}},
		{"everything", heka.Draft{
			UUID: make([]byte, 16), Timestamp: -1, Type: "t", Logger: "l", Severity: 6, Payload: strings.Repeat("p", 300),
			EnvVersion: "e", Pid: math.MaxInt32, Hostname: "h",
			Fields: []heka.DraftField{
				{Name: "s", Representation: "uri", Strings: []string{"", "a", "b"}},
				{Name: "b", Type: heka.BytesType, Bytes: [][]byte{{0xFF}, {}}},
				{Name: "i", Type: heka.IntegerType, Integers: long},
				{Name: "d", Type: heka.DoubleType, Doubles: []float64{1.5, math.Inf(-1)}},
				{Name: "t", Type: heka.BoolType, Bools: []bool{true, false}},
				{Name: "none", Type: heka.IntegerType, Strings: []string{"of another type"}},
				{Name: "none", Type: heka.DoubleType},
				{Name: "none", Type: heka.BoolType},
				{Name: strings.Repeat("n", 20_000)},
			},
		}, &hekapb.Message{
			Uuid: make([]byte, 16), Timestamp: proto.Int64(-1), Type: proto.String("t"), Logger: proto.String("l"),
			Severity: proto.Int32(6), Payload: proto.String(strings.Repeat("p", 300)), EnvVersion: proto.String("e"),
			Pid: proto.Int32(math.MaxInt32), Hostname: proto.String("h"),
			Fields: []*hekapb.Field{
				{Name: proto.String("s"), ValueType: hekapb.Field_STRING.Enum(), Representation: proto.String("uri"), ValueString: []string{"", "a", "b"}},
				{Name: proto.String("b"), ValueType: hekapb.Field_BYTES.Enum(), ValueBytes: [][]byte{{0xFF}, {}}},
				{Name: proto.String("i"), ValueType: hekapb.Field_INTEGER.Enum(), ValueInteger: long},
				{Name: proto.String("d"), ValueType: hekapb.Field_DOUBLE.Enum(), ValueDouble: []float64{1.5, math.Inf(-1)}},
				{Name: proto.String("t"), ValueType: hekapb.Field_BOOL.Enum(), ValueBool: []bool{true, false}},
				{Name: proto.String("none"), ValueType: hekapb.Field_INTEGER.Enum()},
				{Name: proto.String("none"), ValueType: hekapb.Field_DOUBLE.Enum()},
				{Name: proto.String("none"), ValueType: hekapb.Field_BOOL.Enum()},
				{Name: proto.String(strings.Repeat("n", 20_000)), ValueType: hekapb.Field_STRING.Enum()},
			},
		}},
	}
	for _, d := range drafts {
		want, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(d.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.draft.Append([]byte("kept")); !bytes.Equal(got[4:], want) || string(got[:4]) != "kept" {
			t.Errorf("%s:\ngot  %x\nwant %x", d.name, got[4:], want)
		}
	}
}

// Heka writes negative 32-bit numbers in five bytes; they read the same.
func TestDraftWritesNegativeNumbersAsHeka(t *testing.T) {
	t.Parallel()
	b := (&heka.Draft{Severity: -1, Pid: math.MinInt32}).Append(nil)
	if want := unhex(t, "1000 28ffffffff0f 408080808008"); !bytes.Equal(b, want) {
		t.Errorf("%x, want %x", b, want)
	}
	var m heka.Message
	if err := m.Parse(b); err != nil || m.Severity != -1 || m.Pid != math.MinInt32 {
		t.Errorf("severity %d, pid %d, %v", m.Severity, m.Pid, err)
	}
}
