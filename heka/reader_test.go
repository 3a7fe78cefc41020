package heka_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"lagermeister/heka"
)

func TestReaderTellsEachRunOfGarbageOnce(t *testing.T) {
	t.Parallel()
	good := heka.AppendFrame(nil, []byte("good")) // 9 bytes
	huge := heka.AppendFrame(nil, make([]byte, 70_000))
	stream := bytes.Join([][]byte{[]byte("abc"), good, good, huge, []byte("\x1e\x00x"), good, []byte("end")}, nil)
	for _, size := range []int{1, 7, 1460, len(stream)} {
		var told strings.Builder
		r := heka.NewReader(pieces(stream, size), 0)
		r.OnSkip = func(offset, length int64) { fmt.Fprintf(&told, "skip %d+%d ", offset, length) }
		r.OnReject = func(offset int64, err error) {
			fmt.Fprintf(&told, "reject %d too large %v ", offset, errors.Is(err, heka.ErrTooLarge))
		}
		var err error
		for err == nil {
			if _, err = r.Next(); err == nil {
				fmt.Fprintf(&told, "frame %d ", r.Offset())
			}
		}
		const want = "skip 0+3 frame 3 frame 12 reject 21 too large true reject 70028 too large false " +
			"skip 21+70010 frame 70031 skip 70040+3 "
		if told.String() != want || err != io.EOF {
			t.Errorf("pieces of %d: %s(%v)\nwant %s", size, told.String(), err, want)
		}
		if r.Skipped() != 3+70_010+3 || r.Oversized() != 1 || r.Offset() != int64(len(stream)) {
			t.Errorf("pieces of %d: skipped %d, oversized %d, offset %d", size, r.Skipped(), r.Oversized(), r.Offset())
		}
	}
}

func TestReaderEndsInsideAFrame(t *testing.T) {
	t.Parallel()
	good := heka.AppendFrame(nil, []byte("good"))
	for cut := 1; cut < len(good); cut++ {
		r := heka.NewReader(bytes.NewReader(append(good[:len(good):len(good)], good[:cut]...)), 0)
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the end repeats
			_, err := r.Next()
			if !errors.Is(err, io.ErrUnexpectedEOF) || r.Offset() != int64(len(good)) {
				t.Errorf("cut after %d bytes: %v, offset %d", cut, err, r.Offset())
			}
		}
	}

	// A frame inside of the incomplete one is lost with it, as in Heka.
	r := heka.NewReader(bytes.NewReader(append([]byte("\x1e\x02\x08\x7f\x1f"), good...)), 0)
	if f, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) || f.Raw != nil {
		t.Errorf("frame of %d bytes, %v", len(f.Raw), err)
	}
}

func TestReaderGivesCompleteFramesBeforeAnError(t *testing.T) {
	t.Parallel()
	good := heka.AppendFrame(nil, []byte("good"))
	broken := errors.New("disk on fire")
	r := heka.NewReader(io.MultiReader(bytes.NewReader(good), bytes.NewReader(good[:4]), iotest.ErrReader(broken)), 0)
	if f, err := r.Next(); string(f.Body) != "good" || err != nil {
		t.Errorf("%q, %v", f.Body, err)
	}
	for range 2 {
		if _, err := r.Next(); !errors.Is(err, broken) {
			t.Errorf("%v, want %v", err, broken)
		}
	}

	idle := readerFunc(func([]byte) (int, error) { return 0, nil })
	if _, err := heka.NewReader(idle, 0).Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

func TestReaderTakesBodiesUpToItsLimit(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	stream := heka.AppendFrame(nil, make([]byte, limit))
	stream = heka.AppendFrame(stream, make([]byte, limit+1))
	stream = heka.AppendFrame(stream, []byte("good"))
	r := heka.NewReader(bytes.NewReader(stream), limit)
	for _, want := range []int{limit, 4} {
		if f, err := r.Next(); len(f.Body) != want || err != nil {
			t.Errorf("body of %d bytes, %v; want %d", len(f.Body), err, want)
		}
	}
	if r.Oversized() != 1 {
		t.Errorf("%d oversized, want 1", r.Oversized())
	}
}
