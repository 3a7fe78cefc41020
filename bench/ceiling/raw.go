package main

import (
	"context"
	"fmt"
	"os"
)

// raw writes records to a file, as many at a time as -write says.
func raw(ctx context.Context, args []string) (*result, error) {
	var l load
	f := flags("raw")
	l.register(f)
	write := f.Int("write", 64<<10, "size of one write, bytes; 0: one for each record")
	fsync := f.Bool("fsync", false, "call fsync after each write")
	dir := f.String("dir", "", "`folder` for the file; empty: the system's for temporary files")
	if err := parse(f, args); err != nil {
		return nil, err
	}
	records, err := pool(l.size)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(*dir, "ceiling-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	m, err := l.start(0)
	if err != nil {
		return nil, err
	}
	var n int64
	var block []byte
	for !m.over(n) {
		block = block[:0]
		for first := true; first || len(block) < *write; first = false {
			block = append(block, records[n&int64(len(records)-1)]...)
			n++
		}
		if _, err := file.Write(block); err != nil {
			return nil, err
		}
		if *fsync {
			if err := file.Sync(); err != nil {
				return nil, err
			}
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("after %d records: %w", n, ctx.Err())
		}
	}
	r, err := m.stop(n)
	if err != nil {
		return nil, err
	}
	r.Fsync = *fsync
	return r, nil
}
