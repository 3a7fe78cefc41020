package record

import (
	"bytes"
	"testing"

	"lagermeister/heka"
)

const someTime = 1_795_000_000_123_456_789 // in 2026

// templates are one of each kind.
func templates(t *testing.T, size int) map[string]*Template {
	t.Helper()
	all := map[string]*Template{}
	for name, build := range map[string]func(uint32, int) (*Template, error){"frame": Frame, "message": Message, "line": Line} {
		template, err := build(7, size)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = template
	}
	all["post"] = Post(all["message"], "localhost", "application/octet-stream")
	return all
}

func TestStampedRecordsAreFoundAgain(t *testing.T) {
	t.Parallel()
	for _, size := range []int{300, 3000} {
		for name, template := range templates(t, size) {
			text := template.Repeat(3)
			for i := range 3 {
				template.Stamp(text[i*len(template.Bytes):], 40_000, uint32(i)+4_000_000_000, someTime+int64(i))
			}
			marks := Scan(text, nil)
			if len(marks) != 3 {
				t.Fatalf("%s of %d bytes: %d marks in 3 records", name, size, len(marks))
			}
			for i, m := range marks {
				if want := (Mark{Run: 7, Conn: 40_000, Seq: uint32(i) + 4_000_000_000, Nanos: someTime + int64(i), Intact: true}); m != want {
					t.Errorf("%s of %d bytes: got %+v, want %+v", name, size, m, want)
				}
			}
		}
	}
}

func TestStampedFrameIsAValidMessageOfTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	template := templates(t, 300)["frame"]
	frame := template.Repeat(1)
	template.Stamp(frame, 1, 2, someTime)
	reader := heka.NewReader(bytes.NewReader(frame), heka.DefaultMaxMessage)
	f, err := reader.Next()
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Body) != 300 {
		t.Errorf("message of %d bytes", len(f.Body))
	}
	var m heka.Message
	if err := m.Parse(f.Body); err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil || m.Timestamp != someTime {
		t.Errorf("timestamp %d, %v", m.Timestamp, err)
	}
}

func TestSyslogLineHasTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	if line := templates(t, 300)["line"].Bytes; len(line) != 300 || line[299] != '\n' || bytes.Count(line, []byte("\n")) != 1 {
		t.Errorf("%d bytes: %q", len(line), line)
	}
}

func TestEveryDamagedByteOfARecordIsNoticed(t *testing.T) {
	t.Parallel()
	template := templates(t, 300)["line"]
	for i := template.mark + len(begin); i < len(template.Bytes)-1; i++ {
		text := template.Repeat(1)
		template.Stamp(text, 0, 5, someTime)
		text[i] ^= 0x40
		for _, m := range Scan(text, nil) {
			if m.Intact {
				t.Errorf("byte %d changed and %+v is intact", i, m)
			}
		}
	}
	if marks := Scan(template.Bytes[:template.end], nil); len(marks) != 1 || marks[0].Intact {
		t.Errorf("a record without its end: %+v", marks)
	}
}

func TestScanAndStampDoNotAllocate(t *testing.T) {
	template := templates(t, 300)["frame"]
	text := template.Repeat(100)
	marks := make([]Mark, 0, 100)
	if n := testing.AllocsPerRun(10, func() {
		template.Stamp(text, 1, 2, someTime)
		marks = Scan(text, marks[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
