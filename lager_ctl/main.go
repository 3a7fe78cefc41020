// Command lager_ctl is the operator's tool. It speaks to NATS and to files:
//
//	cat     shows the records of a file of Heka frames
//	send    sends records to a receiver
//	tail    follows what the stream stores
//	doctor  checks settings and durability of the stream and its groups
//	ledger  says where the records of every group are, and whether any is missing
//	trace   says what became of one record in each group
//	dead    lists, shows, replays and drops dead letters
//	replay  sends a window of the stream to a group or a sink once more
//	torture hurts the whole suite in every way, and sees that nothing is lost
//
// Run it with --help, or a command with --help. Exit codes: 0, 1 when something
// failed or doctor found something that must be mended, 64 for a wrong command
// line, 65 for a match spec or a signers file that cannot be read, 69 when a
// service is away, 78 for a wrong variable.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"lagermeister/internal/program"
)

// console is where a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// command is one subcommand. One that is lasting ends in its own way when its
// context does, at the first signal; the others simply die of it.
type command struct {
	name, summary string
	lasting       bool
	run           func(context.Context, console, []string) error
}

var commands = []command{
	{"cat", "show the records of a file of Heka frames", false, cat},
	{"send", "send records to a receiver, over TCP or HTTP", false, send},
	{"tail", "follow what the stream stores", true, tail},
	{"doctor", "check settings and durability of the stream and its groups", true, doctor},
	{"ledger", "say where the records of every group are, and whether any is missing", true, ledgerShow},
	{"trace", "say what became of one record in each group", true, trace},
	{"dead", "list, show, replay and drop dead letters", true, dead},
	{"replay", "send a window of the stream to a group or a sink once more", true, replay},
	{"torture", "hurt the whole suite in every way, and see that nothing is lost", true, tortureRun},
}

func main() {
	os.Exit(run(context.Background(), console{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// run does one command and returns the exit code.
func run(ctx context.Context, c console, args []string) int {
	if len(args) == 0 {
		usage(c.err)
		return program.ExitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(c.out)
		fmt.Fprintln(c.out)
		return exitCode(c, "--help", answer(c, "--help"))
	case "check", "-check", "--check":
		return exitCode(c, "--check", answer(c, "--check"))
	case "version", "-version", "--version":
		fmt.Fprintln(c.out, "lager_ctl", program.Version())
		return 0
	}
	for _, cmd := range commands {
		if cmd.name != args[0] {
			continue
		}
		if cmd.lasting {
			var stop func()
			ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
			context.AfterFunc(ctx, stop) // a second signal ends the process at once
		}
		return exitCode(c, cmd.name, cmd.run(ctx, c, args[1:]))
	}
	fmt.Fprintf(c.err, "lager_ctl: there is no command %q\n\n", args[0])
	usage(c.err)
	return program.ExitUsage
}

// exitCode says what went wrong and returns the code that the error asks for.
func exitCode(c console, name string, err error) int {
	if err == nil || errors.Is(err, program.ErrDone) {
		return 0
	}
	fmt.Fprintf(c.err, "lager_ctl %s: %v\n", name, err)
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return program.ExitFailed
}

func usage(w io.Writer) {
	fmt.Fprint(w, "lager_ctl COMMAND [options]: the operator's tool of Lagermeister\n\n")
	for _, cmd := range commands {
		fmt.Fprintf(w, "  %-8s%s\n", cmd.name, cmd.summary)
	}
	fmt.Fprint(w, "\nlager_ctl COMMAND --help tells its options. cat and send need no variables.\n")
}
