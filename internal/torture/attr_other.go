//go:build unix && !linux

package torture

import "syscall"

// dieWithParent can only keep our terminal's signals from the child here.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
