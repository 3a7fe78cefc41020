package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"lagermeister/heka"
	"lagermeister/heka/matcher"
)

const catAbout = `Shows the records of a file of Heka frames, or of the standard input. It shows
whatever decodes, without validation; what it skips it tells on stderr, with
offsets. heka, logstash and ecs print exactly what a subscriber would send.`

// catter shows the records of one input.
type catter struct {
	console
	name    string // of the input
	match   *matcher.Spec
	signers heka.Signers // nil: signatures are not looked at
	print   printer      // nil: only count
	count   int64
}

// cat is the successor of heka-cat.
func cat(_ context.Context, c console, args []string) error {
	flags := newFlags(c, "cat", "[options] FILE|-", catAbout)
	var fields, dynamic list
	match := flags.String("match", "", "show only records that this match `SPEC` selects")
	format := flags.String("format", "text", "`FORMAT` of the output: "+formatNames)
	flags.Var(&fields, "fields", "comma-separated `LIST` of what a heka, logstash or ecs document holds")
	flags.Var(&dynamic, "dynamic-fields", "comma-separated `LIST` of the dynamic fields it holds; all when not given")
	maxMessage := flags.Int("max-message-size", heka.DefaultMaxMessage, "largest message, `BYTES`; a frame that announces more is skipped")
	signersFile := flags.String("signers", "", "verify signatures with the keys in `FILE` (a line a signer: NAME_VERSION KEY) and skip what fails")
	rest, err := parseFlags(flags, args)
	switch {
	case err != nil:
		return err
	case len(rest) != 1:
		return usageError("want one file, or - for the standard input, got %d; see lager_ctl cat --help", len(rest))
	case *maxMessage < 1:
		return usageError("--max-message-size %d: want 1 or more", *maxMessage)
	}
	k := catter{console: c, name: rest[0]}
	if k.print, err = newPrinter(*format, fields, dynamic); err != nil {
		return err
	}
	if k.match, err = parseMatch(*match); err != nil {
		return err
	}
	if k.signers, err = readSigners(*signersFile); err != nil {
		return err
	}
	in, err := openInput(c, rest[0])
	if err != nil {
		return err
	}
	defer in.Close()
	return k.show(in, *maxMessage)
}

// show reads to the end. A frame that is cut off there is told like anything
// else that is skipped: files of frames are often still being written.
func (k *catter) show(in io.Reader, maxMessage int) error {
	out := bufio.NewWriterSize(k.out, 64<<10)
	frames := k.reader(in, maxMessage)
	var s shown
	var m heka.Message
	var buf []byte
	for {
		f, err := frames.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			if errors.Is(err, io.ErrUnexpectedEOF) {
				fmt.Fprintf(k.err, "%s: %v\n", k.name, err)
			}
			if k.print == nil {
				fmt.Fprintln(out, k.count)
			}
			return out.Flush()
		case err != nil:
			return errors.Join(fmt.Errorf("read %s at byte %d: %w", k.name, frames.Offset(), err), out.Flush())
		}
		s = shown{frame: f.Raw, offset: frames.Offset()}
		if s.signer, err = k.signers.Verify(f); err != nil {
			k.skipped(&s, err)
			continue
		}
		if err := m.Parse(f.Body); err != nil {
			k.skipped(&s, err)
			continue
		}
		if !k.match.Match(&m) {
			continue
		}
		k.count++
		if k.print != nil {
			s.Message = &m
			buf = k.print(buf[:0], &s)
			if _, err := out.Write(buf); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
	}
}

// reader returns a reader of frames that tells what it skips.
func (k *catter) reader(in io.Reader, maxMessage int) *heka.Reader {
	frames := heka.NewReader(in, maxMessage)
	frames.OnSkip = func(offset, length int64) {
		fmt.Fprintf(k.err, "%s: byte %d: skipped %d bytes that belong to no frame\n", k.name, offset, length)
	}
	frames.OnReject = func(offset int64, err error) {
		if errors.Is(err, heka.ErrTooLarge) { // every other one is just part of garbage
			fmt.Fprintf(k.err, "%s: byte %d: %v; --max-message-size raises the limit\n", k.name, offset, err)
		}
	}
	return frames
}

func (k *catter) skipped(s *shown, err error) {
	fmt.Fprintf(k.err, "%s: byte %d: skipped a frame of %d bytes: %v\n", k.name, s.offset, len(s.frame), err)
}
