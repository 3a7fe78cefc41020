package heka_test

import (
	"fmt"
	"io"
	"strings"

	"lagermeister/heka"
)

// Reading a file of frames, saying what could not be read.
func ExampleReader() {
	var file []byte
	for _, name := range []string{"first", "second"} {
		d := heka.Draft{Hostname: "web-01", Payload: name, Severity: heka.DefaultSeverity}
		file = append(heka.AppendFrame(file, d.Append(nil)), "garbage"...)
	}

	r := heka.NewReader(strings.NewReader(string(file)), heka.DefaultMaxMessage)
	r.OnSkip = func(offset, length int64) { fmt.Printf("%d bytes at %d are no frame\n", length, offset) }
	var m heka.Message
	for {
		f, err := r.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = m.Parse(f.Body)
		}
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Printf("%d: %s says %s\n", r.Offset(), m.Hostname, m.Payload)
	}
	// Output:
	// 0: web-01 says first
	// 7 bytes at 26 are no frame
	// 33: web-01 says second
	// 7 bytes at 60 are no frame
}
