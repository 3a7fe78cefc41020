package heka_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"lagermeister/heka"
)

// Where we decide otherwise than Heka on purpose, by vector and offset.
var ours = map[string]resultVector{
	// A signer that is only named is nobody.
	"m174": {Auth: "accepted", Signer: ""},
}

func TestEveryRecordDecodesAsInHeka(t *testing.T) {
	t.Parallel()
	signers := vectorSigners(t)
	for _, v := range rows[recordVector](t, "records.jsonl") {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			f := onlyFrame(t, readFile(t, v.File))
			if len(f.Header) != v.HeaderLen || len(f.Body) != v.BodyLen {
				t.Fatalf("%s: header of %d and body of %d bytes, want %d and %d", v.Desc, len(f.Header), len(f.Body), v.HeaderLen, v.BodyLen)
			}
			checkHeader(t, f.Header, v.Header)
			checkResult(t, v.ID, signers, f, v.Result)

			var m heka.Message
			if err := m.Parse(f.Body); err != nil {
				return
			}
			if err := m.Validate(); (err == nil) != (v.Required && len(m.Hostname) > 0) {
				t.Errorf("%s: Validate: %v, required fields of the original: %v", v.Desc, err, v.Required)
			}
		})
	}
}

// The frames found depend on the bytes alone, not on how they come in.
func TestEveryStreamSplitsAsInHeka(t *testing.T) {
	t.Parallel()
	records := map[string]*messageVector{}
	for _, v := range rows[recordVector](t, "records.jsonl") {
		records[v.ID] = v.Result.Message
	}
	signers := vectorSigners(t)
	for _, v := range rows[streamVector](t, "streams.jsonl") {
		for i := range v.Recovered {
			if r := &v.Recovered[i]; r.RecordID != "" {
				r.Message = records[r.RecordID]
			}
		}
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			stream := readFile(t, v.File)
			for _, size := range []int{1, 7, 1460, len(stream)} {
				checkStream(t, v, signers, pieces(stream, size))
			}
		})
	}
}

func checkStream(t *testing.T, v streamVector, signers heka.Signers, in io.Reader) {
	t.Helper()
	r := heka.NewReader(in, v.MaxMessage)
	var covered int64
	r.OnSkip = func(offset, length int64) {
		if offset != covered {
			t.Errorf("garbage told at %d, previous frame or run ended at %d", offset, covered)
		}
		covered += length
	}
	for i, want := range v.Recovered {
		f, err := r.Next()
		if err != nil {
			t.Fatalf("%s: record %d: %v, want one at %d", v.Desc, i, err, want.Start)
		}
		if r.Offset() != want.Start || len(f.Raw) != want.Len || sha(f.Raw) != want.SHA256 {
			t.Fatalf("%s: record %d: %d bytes at %d, want %d at %d", v.Desc, i, len(f.Raw), r.Offset(), want.Len, want.Start)
		}
		if covered != r.Offset() {
			t.Errorf("record at %d, but only the bytes to %d were accounted for", r.Offset(), covered)
		}
		covered += int64(len(f.Raw))
		checkResult(t, v.ID, signers, f, want.resultVector)
	}
	f, err := r.Next()
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("%s: after the last record: %v, frame %d bytes at %d", v.Desc, err, len(f.Raw), r.Offset())
	}
	if covered != r.Offset() {
		t.Errorf("rest at %d, but only the bytes to %d were accounted for", r.Offset(), covered)
	}
}

// pieces hands out b in reads of n bytes.
func pieces(b []byte, n int) io.Reader {
	if n == 1 {
		return iotest.OneByteReader(bytes.NewReader(b))
	}
	return readerFunc(func(p []byte) (int, error) {
		if len(b) == 0 {
			return 0, io.EOF
		}
		got := copy(p[:min(n, len(p))], b)
		b = b[got:]
		return got, nil
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func checkResult(t *testing.T, id string, signers heka.Signers, f heka.Frame, want resultVector) {
	t.Helper()
	if differs, ok := ours[id]; ok {
		want.Auth, want.Signer = differs.Auth, differs.Signer
	}
	signer, err := signers.Verify(f)
	if signer != want.Signer || (err == nil) != (want.Auth == "accepted") {
		t.Errorf("Verify: %q, %v; want %q, %s", signer, err, want.Signer, want.Auth)
	}
	if want.Decode == "" {
		return // the original did not look further
	}
	var m heka.Message
	switch err := m.Parse(f.Body); {
	case (err == nil) != (want.Decode == "ok"):
		t.Errorf("Parse: %v, want %s", err, want.Decode)
	case err == nil:
		if got, want := describe(&m), want.Message.describe(t); got != want {
			t.Errorf("decoded\n%s\nwant\n%s", got, want)
		}
	}
}

func checkHeader(t *testing.T, b []byte, want headerVector) {
	t.Helper()
	h, err := heka.ParseHeader(b)
	if (err == nil) != want.Decoded {
		t.Errorf("ParseHeader: %v, want decoded: %v", err, want.Decoded)
	}
	if h.HasLength != (want.MessageLength != nil) || h.MessageLength != or(want.MessageLength) ||
		int32(h.HashFunction) != or(want.HashFunction) || h.KeyVersion != or(want.KeyVersion) ||
		(h.HMAC != nil) != (want.HMAC != nil) || hex.EncodeToString(h.HMAC) != or(want.HMAC) ||
		(h.Signer != nil) != (want.Signer != nil) || !bytes.Equal(h.Signer, want.Signer.bytes()) {
		t.Errorf("header %+v, want %+v", h, want)
	}
}

func or[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// The reference record of the Heka manual.
func TestReferenceRecord(t *testing.T) {
	t.Parallel()
	f := onlyFrame(t, unhex(t, "1e 02 08 10 1f 10 80 c4 8c 94 91 a9 e8 d4 13 1a 04 54 45 53 54"))
	var m heka.Message
	if err := m.Parse(f.Body); err != nil {
		t.Fatal(err)
	}
	if string(m.Type) != "TEST" || m.Timestamp != 1416840893000000000 || m.UUID != nil {
		t.Errorf("got %s", strings.ReplaceAll(describe(&m), "\n", ", "))
	}
}
