package program

import (
	"errors"
	"fmt"
)

// Exit codes, after sysexits.h. 0 is a clean stop and 1 any other failure.
const (
	ExitFailed      = 1
	ExitUsage       = 64 // bad command line
	ExitData        = 65 // bad input data or match spec (lager_ctl)
	ExitUnavailable = 69 // a dependency cannot be reached at start
	ExitIncomplete  = 75 // stopped with records left that the stream or the sink has not taken
	ExitConfig      = 78 // bad settings: restarting will not help
)

// exitError carries the exit code that err asks for.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }
func (e *exitError) ExitCode() int { return e.code }

// Exit wraps err so that the process ends with code. A nil err stays nil.
func Exit(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: code, err: err}
}

// Incomplete is the error of a program that stopped before left records were
// taken by the far end.
func Incomplete(left int64, where string) error {
	if left == 0 {
		return nil
	}
	return Exit(ExitIncomplete, fmt.Errorf("stopped with %d records %s", left, where))
}

// exitCode finds the code an error asks for: that of any error in its chain
// with a method ExitCode() int, else ExitFailed.
func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return ExitFailed
}
