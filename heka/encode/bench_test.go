package encode

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"lagermeister/heka"
	"lagermeister/heka/hekapb"
)

// access is a record as a web server's log has them, of about 300 bytes with four
// fields or 3 kB with twelve.
func access(b *testing.B, large bool) *heka.Message {
	b.Helper()
	m := &hekapb.Message{
		Uuid: []byte("0123456789abcdef"), Timestamp: proto.Int64(cut.UnixNano() - 1),
		Type: proto.String("nginx.access"), Logger: proto.String("nginx"), Severity: proto.Int32(6),
		Payload:    proto.String("203.0.113.7 - - \"GET /api/v1/orders/" + strings.Repeat("4711/", 12) + " HTTP/1.1\" 200 5120"),
		EnvVersion: proto.String("0.8"), Pid: proto.Int32(14098), Hostname: proto.String("web-17.example.com"),
		Fields: []*hekapb.Field{
			{Name: proto.String("status"), ValueType: hekapb.Field_INTEGER.Enum(), ValueInteger: []int64{200}},
			{Name: proto.String("request_time"), ValueType: hekapb.Field_DOUBLE.Enum(), ValueDouble: []float64{0.1234}},
			{Name: proto.String("user_agent"), ValueString: []string{"Mozilla/5.0 (X11; Linux x86_64)"}},
			{Name: proto.String("cached"), ValueType: hekapb.Field_BOOL.Enum(), ValueBool: []bool{true}},
		},
	}
	if large {
		m.Payload = proto.String(strings.Repeat(m.GetPayload()+"\n", 17))
		for i := range 8 {
			m.Fields = append(m.Fields, &hekapb.Field{Name: proto.String(fmt.Sprint("request.header.", i)), ValueString: []string{strings.Repeat("value ", 10)}})
		}
	}
	return build(b, m)
}

// From wire bytes to JSON: parsed, then encoded.
func BenchmarkDocument(b *testing.B) {
	for _, size := range []string{"300B", "3kB"} {
		body := access(b, size == "3kB").Body
		for _, format := range []string{"heka", "logstash", "ecs"} {
			b.Run(format+"/"+size, func(b *testing.B) {
				e := mustNew(b, format, nil, nil)
				var m heka.Message
				r := &Record{Message: &m, Sequence: 123456, Index: 789, Cut: cut}
				var doc []byte
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					if err := m.Parse(body); err != nil {
						b.Fatal(err)
					}
					doc = e.Append(doc[:0], r)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
				b.ReportMetric(float64(len(doc)), "B/document")
			})
		}
	}
}

func BenchmarkIndexName(b *testing.B) {
	p, m := mustParse(b, "lagermeister-%{%Y.%m.%d}"), access(b, false)
	n := p.Namer()
	b.ReportAllocs()
	for b.Loop() {
		n.Name(m, cut)
	}
}
