package heka_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"lagermeister/bench/sample"
	"lagermeister/heka"
)

// typical is a record of 300 bytes, as a web server logs it.
var typical = heka.Draft{
	UUID:      []byte("0123456789abcdef"),
	Timestamp: 1416840893123456789,
	Type:      "nginx.access", Logger: "frontend", Severity: 6, Pid: 14098,
	Payload:    `10.0.3.7 - - [24/Nov/2014:14:54:53 +0000] "GET /index.html HTTP/1.1" 200 5120 "-" "Mozilla/5.0 (X11; Linux) Gecko"`,
	EnvVersion: "0.8", Hostname: "web-01.example.com",
	Fields: []heka.DraftField{
		{Name: "status", Type: heka.IntegerType, Integers: []int64{200}},
		{Name: "request_time", Type: heka.DoubleType, Representation: "s", Doubles: []float64{0.25}},
		{Name: "remote_addr", Representation: "ipv4", Strings: []string{"10.0.3.7"}},
		{Name: "cached", Type: heka.BoolType, Bools: []bool{true}},
	},
}

// The hot path: find the frame, parse, validate, look at each field.
func TestReadingDoesNotAllocate(t *testing.T) {
	body := typical.Append(nil)
	for name, stream := range map[string][]byte{
		"plain":  heka.AppendFrame(nil, body),
		"signed": heka.AppendSignedFrame(nil, body, ops),
	} {
		var s heka.Scanner
		var m heka.Message
		values := 0
		if n := testing.AllocsPerRun(1000, func() {
			f, _, _ := s.Next(stream)
			if m.Parse(f.Body) != nil || m.Validate() != nil || f.Raw == nil {
				t.Fatal("no valid message")
			}
			heka.Signed(f)
			for i := range m.NumFields() {
				f := m.Field(i)
				for range f.Values() {
					values++
				}
				f.Value(0)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a record", name, n)
		}
		if values != 4*1001 {
			t.Errorf("%d values seen", values)
		}
	}
}

func TestWritingDoesNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(1000, func() {
		body := typical.Append(dst)
		heka.AppendFrame(body[len(body):], body)
	}); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

// BenchmarkScan is what a receiver does with every record: find the frame, parse,
// validate. An operation is 1,000 records of log_generator.
func BenchmarkScan(b *testing.B) {
	const records = 1000
	for _, size := range []int{300, 3000} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			stream := sample.Frames(records, size)
			var s heka.Scanner
			var m heka.Message
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				for in := stream; len(in) > 0; {
					f, n, _ := s.Next(in)
					if m.Parse(f.Body) != nil || m.Validate() != nil {
						b.Fatal("no valid message")
					}
					in = in[n:]
				}
			}
			b.ReportMetric(records*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(len(stream))/records, "B/record")
		})
	}
}

func BenchmarkScanner(b *testing.B) {
	body := typical.Append(nil)
	const records = 100
	for _, bench := range []struct {
		name   string
		stream []byte
	}{
		{"plain", heka.AppendFrame(nil, body)},
		{"signed", heka.AppendSignedFrame(nil, body, ops)},
		{"garbage", bytes.Repeat([]byte("no separator here; "), 17)},
		{"separators", bytes.Repeat([]byte{heka.RecordSeparator}, 320)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			stream := bytes.Repeat(bench.stream, records)
			var s heka.Scanner
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				for in := stream; ; {
					f, n, _ := s.Next(in)
					if f.Raw == nil {
						break
					}
					in = in[n:]
				}
			}
			if bench.name == "plain" || bench.name == "signed" {
				perRecord(b, records)
			}
		})
	}
}

func BenchmarkReader(b *testing.B) {
	const records = 1000
	stream := bytes.Repeat(heka.AppendFrame(nil, typical.Append(nil)), records)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		r := heka.NewReader(bytes.NewReader(stream), 0)
		var err error
		for err == nil {
			_, err = r.Next()
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
	perRecord(b, records)
}

func BenchmarkParse(b *testing.B) {
	body := typical.Append(nil)
	if len(body) < 290 || len(body) > 310 {
		b.Fatalf("typical message has %d bytes", len(body))
	}
	var m heka.Message
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFields(b *testing.B) {
	var m heka.Message
	if err := m.Parse(typical.Append(nil)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range m.NumFields() {
			f := m.Field(i)
			for range f.Values() {
			}
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	signers := heka.Signers{"ops_3": ops.Key}
	for name, hash := range map[string]heka.HashFunction{"md5": heka.MD5, "sha1": heka.SHA1} {
		b.Run(name, func(b *testing.B) {
			s := ops
			s.Hash = hash
			var scan heka.Scanner
			f, _, _ := scan.Next(heka.AppendSignedFrame(nil, typical.Append(nil), s))
			b.SetBytes(int64(len(f.Raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := signers.Verify(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDraft(b *testing.B) {
	dst := make([]byte, 0, 1024)
	b.SetBytes(int64(len(typical.Append(nil))))
	b.ReportAllocs()
	for b.Loop() {
		typical.Append(dst)
	}
}

func perRecord(b *testing.B, records int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
}
