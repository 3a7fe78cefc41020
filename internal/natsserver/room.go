package natsserver

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Room is how many bytes the streams in dir may come to fill: the free space of
// its file system and what they hold already. dir need not exist yet. Because
// what they hold is counted, the answer does not shrink from start to start.
func Room(dir string) (int64, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return 0, fmt.Errorf("free space for %s: %w", dir, err)
	}
	var held int64
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // files come and go; a missing one holds nothing
		}
		if info, err := d.Info(); err == nil {
			held += info.Size()
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("size of %s: %w", dir, err)
	}
	at := dir
	for _, err := os.Stat(at); os.IsNotExist(err) && at != filepath.Dir(at); _, err = os.Stat(at) {
		at = filepath.Dir(at)
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(at, &s); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", at, err)
	}
	return int64(s.Bavail)*int64(s.Bsize) + held, nil
}
