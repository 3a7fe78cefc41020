package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"lagermeister/heka"
	"lagermeister/heka/matcher"
	"lagermeister/internal/program"
)

// newFlags returns the flags of a command; synopsis is what follows its name.
func newFlags(c console, name, synopsis, about string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are told by run, once
	flags.Usage = func() {
		flags.SetOutput(c.out)
		fmt.Fprintf(c.out, "lager_ctl %s %s\n\n%s\n\n", name, synopsis, about)
		flags.PrintDefaults()
	}
	return flags
}

// parseFlags reads the arguments, options and others in any order, and returns
// the others. Its errors are program.ErrDone after --help, else usage errors.
func parseFlags(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		err := flags.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			return nil, program.ErrDone
		}
		if err != nil {
			return nil, usageError("%w; see lager_ctl %s --help", err, flags.Name())
		}
		if flags.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

// noArguments refuses arguments that are not options.
func noArguments(flags *flag.FlagSet, rest []string) error {
	if len(rest) > 0 {
		return usageError("unexpected argument %q; see lager_ctl %s --help", rest[0], flags.Name())
	}
	return nil
}

func usageError(format string, args ...any) error {
	return program.Exit(program.ExitUsage, fmt.Errorf(format, args...))
}

// parseMatch compiles a match spec; an empty one is nil and matches everything.
func parseMatch(spec string) (*matcher.Spec, error) {
	if spec == "" {
		return nil, nil
	}
	s, err := matcher.Parse(spec)
	return s, program.Exit(program.ExitData, err)
}

// readSigners reads a signers file; without a name there are none.
func readSigners(name string) (heka.Signers, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("signers: %w", err)
	}
	defer file.Close()
	signers, err := heka.ReadSigners(file)
	if err != nil {
		return nil, program.Exit(program.ExitData, fmt.Errorf("%s: %w", name, err))
	}
	return signers, nil
}

// list is a flag that holds comma-separated words.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	*l = nil
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" {
			*l = append(*l, word)
		}
	}
	return nil
}

// openInput opens a file of frames; "-" is the standard input.
func openInput(c console, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(c.in), nil
	}
	return os.Open(name)
}
