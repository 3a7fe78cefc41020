package matcher

import (
	"fmt"
	"testing"

	"lagermeister/bench/sample"
)

// Run with: go test -bench . ./heka/matcher
func BenchmarkMatch(b *testing.B) {
	m := readMessage(b, "x03") // 219 bytes, the nginx record
	for _, text := range []string{
		`Type == "nginx.access" && Severity <= 3`,
		`Hostname == "web-01" && (Severity < 3 || Fields[user] != NIL)`,
		`Type == "nginx.access" && Fields[status] >= 400 && Fields[status] < 500`,
		`Payload =~ /index.html/`,
		`Payload =~ /\/slash\/$/`,
		`Payload =~ /HTTP/`,
	} {
		spec := mustParse(b, text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !spec.Match(m) {
					b.Fatal("no match")
				}
			}
		})
	}
}

// BenchmarkSelect is what a match spec costs a receiver beside reading: a spec
// that rejects everything, and a realistic one. An operation is 1,000 parsed
// records of log_generator.
func BenchmarkSelect(b *testing.B) {
	const records = 1000
	for _, spec := range []struct{ name, text string }{
		{"reject-all", `Type == "no such type"`},
		{"ignore-case", `Severity <= 7 && Type != "x" && Hostname != "x" && Logger != "x" && Payload =~ /(?i)fail/`},
		{"five-terms", `(Type == "access" || Type == "app") && Severity <= 4 && Fields[status] >= 400 && Payload =~ /timeout|expired/`},
	} {
		for _, size := range []int{300, 3000} {
			b.Run(fmt.Sprintf("%s/%dB", spec.name, size), func(b *testing.B) {
				messages := sample.Messages(records, size)
				spec := mustParse(b, spec.text)
				b.SetBytes(int64(records * size))
				b.ReportAllocs()
				for b.Loop() {
					for i := range messages {
						spec.Match(&messages[i])
					}
				}
				b.ReportMetric(records*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}
