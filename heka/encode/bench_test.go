package encode

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"lagermeister/heka/hekapb"
)

// Records of 300 bytes with four fields, as a web server's log has them.
func BenchmarkDocument(b *testing.B) {
	m := build(b, &hekapb.Message{
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
	})
	for _, format := range []string{"heka", "logstash", "ecs"} {
		b.Run(format, func(b *testing.B) {
			e := mustNew(b, format, nil, nil)
			r := &Record{Message: m, Sequence: 123456, Index: 789, Cut: cut}
			var doc []byte
			b.SetBytes(int64(len(m.Body)))
			b.ReportAllocs()
			for b.Loop() {
				doc = e.Append(doc[:0], r)
			}
		})
	}
	b.Run("index", func(b *testing.B) {
		p := mustParse(b, "lagermeister-%{%Y.%m.%d}")
		var name []byte
		b.ReportAllocs()
		for b.Loop() {
			name, _ = p.Append(name[:0], m, cut)
		}
	})
}
