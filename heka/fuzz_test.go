package heka_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"lagermeister/heka"
	"lagermeister/heka/hekapb"
)

// seedRecords adds what stands in the small records of the vectors.
func seedRecords(f *testing.F, part func(heka.Frame) []byte) {
	f.Add([]byte{})
	for _, v := range rows[recordVector](f, "records.jsonl") {
		if v.BodyLen < 500 {
			f.Add(part(onlyFrame(f, readFile(f, v.File))))
		}
	}
}

// What is found in a stream depends on its bytes alone: pieces change neither
// frames nor counts, every byte is in exactly one frame or skipped, and a body
// framed again is found again.
func FuzzReader(f *testing.F) {
	seedRecords(f, func(f heka.Frame) []byte { return f.Raw })
	for _, v := range rows[streamVector](f, "streams.jsonl") {
		if b := readFile(f, v.File); len(b) < 2000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		const limit = 4096
		whole, frames := readAll(t, heka.NewReader(bytes.NewReader(stream), limit), int64(len(stream)))
		single, _ := readAll(t, heka.NewReader(iotest.OneByteReader(bytes.NewReader(stream)), limit), int64(len(stream)))
		if whole != single {
			t.Fatalf("whole: %s\nbyte by byte: %s", whole, single)
		}
		var again []byte
		for _, f := range frames {
			if len(f.Body) > limit {
				t.Fatalf("body of %d bytes, limit %d", len(f.Body), limit)
			}
			again = heka.AppendFrame(again, f.Body)
		}
		_, framed := readAll(t, heka.NewReader(bytes.NewReader(again), limit), int64(len(again)))
		if len(framed) != len(frames) {
			t.Fatalf("%d frames, framed again %d", len(frames), len(framed))
		}
		for i := range frames {
			if !bytes.Equal(frames[i].Body, framed[i].Body) {
				t.Fatalf("body %d: %x, framed again %x", i, frames[i].Body, framed[i].Body)
			}
		}
	})
}

// readAll returns a log of what r found, and the frames.
func readAll(t *testing.T, r *heka.Reader, size int64) (string, []heka.Frame) {
	var log strings.Builder
	var frames []heka.Frame
	var end int64
	run := func(kind string, offset, length int64) {
		if offset != end || length <= 0 {
			t.Fatalf("%s of %d bytes at %d, previous run ended at %d", kind, length, offset, end)
		}
		end += length
		fmt.Fprintf(&log, "%s %d+%d\n", kind, offset, length)
	}
	r.OnSkip = func(offset, length int64) { run("skip", offset, length) }
	r.OnReject = func(offset int64, err error) { fmt.Fprintf(&log, "reject %d: %v\n", offset, err) }
	for {
		f, err := r.Next()
		if err == nil {
			run("frame", r.Offset(), int64(len(f.Raw)))
			frames = append(frames, heka.Frame{Body: bytes.Clone(f.Body)})
			continue
		}
		if r.Offset() != end || (err == io.EOF) != (end == size) || err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%v at %d after %d of %d bytes", err, r.Offset(), end, size)
		}
		fmt.Fprintf(&log, "%v, skipped %d, oversized %d", err == io.EOF, r.Skipped(), r.Oversized())
		return log.String(), frames
	}
}

// A header that protobuf decodes reads like what protobuf writes for it, unless
// a known field has another wire type: Heka refuses that.
func FuzzParseHeader(f *testing.F) {
	seedRecords(f, func(f heka.Frame) []byte { return f.Header })
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := heka.ParseHeader(b)
		if err != nil && !errors.Is(err, heka.ErrHeader) {
			t.Fatal(err)
		}
		var decoded hekapb.Header
		again, otherType, otherEnum, ok := reencode(b, &decoded)
		if !ok || otherEnum {
			return
		}
		if otherType != (err != nil) {
			t.Fatalf("known field of another wire type: %v, ParseHeader: %v", otherType, err)
		}
		if want, _ := heka.ParseHeader(again); err == nil && fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
			t.Fatalf("%#v, protobuf read %#v", got, want)
		}
	})
}

// A body that protobuf decodes reads like what protobuf writes for it, unless a
// known field has another wire type: Heka refuses that in a message, and lets
// it end a field.
func FuzzParse(f *testing.F) {
	seedRecords(f, func(f heka.Frame) []byte { return f.Body })
	f.Fuzz(func(t *testing.T, body []byte) {
		var m heka.Message
		err := m.Parse(body)
		var decode *heka.DecodeError
		if err != nil && (!errors.As(err, &decode) || decode.Offset < 0 || decode.Offset >= len(body)) {
			t.Fatalf("%v, body of %d bytes", err, len(body))
		}
		got := describe(&m) // must not panic, whatever it is
		_ = m.Validate()

		var decoded hekapb.Message
		again, otherType, _, ok := reencode(body, &decoded)
		if !ok {
			return
		}
		if otherType != (err != nil) {
			t.Fatalf("known field of another wire type: %v, Parse: %v", otherType, err)
		}
		for _, f := range decoded.Fields {
			if otherType, otherEnum := putAside(f); otherType || otherEnum {
				return
			}
		}
		if err != nil {
			return
		}
		if err := m.Parse(again); err != nil {
			t.Fatal(err)
		}
		if want := describe(&m); got != want {
			t.Fatalf("decoded\n%s\nprotobuf read\n%s", got, want)
		}
	})
}

// reencode decodes b into m with protobuf and encodes it again; ok is false when
// protobuf refuses b.
func reencode(b []byte, m proto.Message) (again []byte, otherType, otherEnum, ok bool) {
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(b, m); err != nil {
		return nil, false, false, false
	}
	again, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	otherType, otherEnum = putAside(m)
	return again, otherType, otherEnum, true
}

// putAside tells whether protobuf kept as unknown a known field of another wire
// type, or an enum value it has no name for.
func putAside(m proto.Message) (otherType, otherEnum bool) {
	fields := m.ProtoReflect().Descriptor().Fields()
	for b := m.ProtoReflect().GetUnknown(); len(b) > 0; {
		number, wireType, n := protowire.ConsumeField(b)
		if d := fields.ByNumber(number); d != nil {
			if d.Kind() == protoreflect.EnumKind && wireType == protowire.VarintType {
				otherEnum = true
			} else {
				otherType = true
			}
		}
		b = b[n:]
	}
	return otherType, otherEnum
}
