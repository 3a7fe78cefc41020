package load

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"
)

// requests sends one record a request.
func (s *sender) requests(ctx context.Context) error {
	buf := s.Template.Repeat(1)
	in := bufio.NewReaderSize(s.conn, 4096)
	began := time.Now()
	for seq := 0; !s.over(ctx); seq++ {
		if s.due(ctx, began, seq, 1) == 0 {
			break
		}
		asked := time.Now()
		s.Template.Stamp(buf, s.number, uint32(seq), asked.UnixNano())
		if _, err := s.conn.Write(buf); err != nil {
			return fmt.Errorf("connection %d: request %d: %w", s.number, seq, err)
		}
		status, err := readAnswer(in)
		if err != nil {
			return fmt.Errorf("connection %d: answer %d: %w", s.number, seq, err)
		}
		s.sent.Answers = append(s.sent.Answers, time.Since(asked))
		if status == 200 {
			s.sent.Records++
		} else {
			s.sent.Refused++
		}
	}
	s.sent.Ended = time.Now()
	return s.conn.Close()
}

// readAnswer reads one answer with a Content-Length and returns its status.
func readAnswer(in *bufio.Reader) (status int, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, fmt.Errorf("not an answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, fmt.Errorf("not an answer: %q", line)
	}
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		const name = "Content-Length:"
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(name):]))); err != nil {
				return 0, fmt.Errorf("not a length: %q", line)
			}
		}
	}
	if length < 0 {
		return 0, fmt.Errorf("answer with status %d without Content-Length", status)
	}
	_, err = in.Discard(length)
	return status, err
}
