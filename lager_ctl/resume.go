package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// resume is the file that keeps how far a replay is.
type resume struct {
	Stream string `json:"stream"`
	Next   uint64 `json:"next"` // the sequence to go on with; 0: the file is new
	To     uint64 `json:"to"`   // the last one

	file string
}

// readResume reads a file of an earlier replay; one that does not exist yet is a
// new beginning.
func readResume(file, stream string) (*resume, error) {
	r := &resume{file: file}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, r)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("--resume %s: %w", file, err)
	case r.Stream != stream || r.Next == 0:
		return nil, usageError("--resume %s: is of stream %q, not of %q", file, r.Stream, stream)
	}
	return r, nil
}

// write keeps the state so that a crash leaves the old or the new one.
func (r *resume) write(stream string, next, to uint64) error {
	r.Stream, r.Next, r.To = stream, next, to
	text, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(r.file+".new", append(text, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(r.file+".new", r.file)
	}
	if err != nil {
		return fmt.Errorf("--resume: keep that sequence %d is next: %w", next, err)
	}
	return nil
}
