//go:build unix

// Package dirlock keeps two processes from working on the same data.
package dirlock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Lock makes sure that nobody else uses dir, which must exist, until the file is
// closed or the process ends, however it ends. The file is called lock. The error
// names dir.
func Lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("lock directory %s: %w", dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("directory %s is used by another process: stop it, or choose another directory", dir)
		}
		return nil, fmt.Errorf("lock directory %s: %w", dir, err)
	}
	return f, nil
}
