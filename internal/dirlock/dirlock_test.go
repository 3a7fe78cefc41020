package dirlock

import (
	"strings"
	"testing"
)

func TestADirectoryIsLockedUntilItsFileIsClosed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), dir+" is used by another process") {
		t.Errorf("a second lock says %v", err)
	}
	first.Close()
	again, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
