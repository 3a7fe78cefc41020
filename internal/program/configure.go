package program

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/kelseyhightower/envconfig"
)

// ErrDone tells that the command line asked for text only (--help, --version)
// or for a check that passed: there is nothing to run.
var ErrDone = errors.New("nothing to run")

// ConfigError is a setting that cannot be used.
type ConfigError struct {
	Name  string // variable
	Value string // as given; empty for a secret or an unknown variable
	Err   error  // what was expected
}

func (e *ConfigError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("%s=%q: %v", e.Name, e.Value, e.Err)
}

func (e *ConfigError) Unwrap() error { return e.Err }
func (e *ConfigError) ExitCode() int { return ExitConfig }

// Configure fills the parts from the environment and answers the arguments
// --help, --version and --check on out, after which it returns ErrDone. Every
// other error carries the exit code 64 (arguments) or 78 (settings).
//
// Notes are for the log: one line with all variables that had a meaning in the
// first Lagermeister and have none here, and one for each unknown variable that is
// probably not meant for this program.
func Configure(name string, args []string, out io.Writer, parts ...Part) (notes []string, err error) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	version := flags.Bool("version", false, "")
	check := flags.Bool("check", false, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil, help(out, name, parts)
	case err != nil:
		return nil, Exit(ExitUsage, fmt.Errorf("%w; see %s --help", err, name))
	case flags.NArg() > 0:
		return nil, Exit(ExitUsage, fmt.Errorf("argument %q: this program is set up by environment variables; see %s --help", flags.Arg(0), name))
	case *version:
		fmt.Fprintln(out, name, Version())
		return nil, ErrDone
	}
	for _, part := range parts {
		if err := fill(part); err != nil {
			return nil, err
		}
	}
	if notes, err = unknown(os.Environ(), parts); err != nil {
		return nil, err
	}
	for _, part := range parts {
		if err := validate(reflect.ValueOf(part.Config).Elem()); err != nil {
			return nil, Exit(ExitConfig, named(part.Prefix, err))
		}
	}
	if *check {
		for _, note := range notes {
			fmt.Fprintln(out, note)
		}
		fmt.Fprintln(out, name+": settings are valid")
		return nil, ErrDone
	}
	return notes, nil
}

// named completes the variable's name in an error of a Validate method: such an
// error starts with the name less the prefix, which only the program knows.
func named(prefix string, err error) error {
	return fmt.Errorf("%s_%w", prefix, err)
}

// fill sets the fields of one part. Bare names are hidden from envconfig, which
// would take them for any field, and secrets are read from their files first.
func fill(part Part) error {
	settings := part.Settings()
	for _, s := range settings {
		if !s.Original {
			defer hide(s.bare)()
		}
		if s.Secret {
			restore, err := fromFile(s.Name)
			if err != nil {
				return err
			}
			defer restore()
		}
	}
	err := envconfig.Process(part.Prefix, part.Config)
	if err == nil {
		return nil
	}
	var parse *envconfig.ParseError
	if errors.As(err, &parse) {
		for _, s := range settings {
			if s.Name != parse.KeyName {
				continue
			}
			value := parse.Value
			if s.Secret {
				value = ""
			}
			want := "expected " + expected(s.Type)
			if errors.Is(parse.Err, strconv.ErrRange) {
				want += "; this one is out of range"
			}
			return &ConfigError{Name: s.Name, Value: value, Err: errors.New(want)}
		}
	}
	for _, s := range settings {
		if s.Required && s.value.IsZero() {
			return &ConfigError{Name: s.Name, Err: errors.New("is required and not set: " + s.Desc)}
		}
	}
	return Exit(ExitConfig, err)
}

// hide takes name out of the environment and returns what puts it back.
func hide(name string) (restore func()) {
	value, set := os.LookupEnv(name)
	if !set {
		return func() {}
	}
	os.Unsetenv(name)
	return func() { os.Setenv(name, value) }
}

// fromFile sets the variable name from the file that NAME_FILE names, without
// the line end, until restore is called.
func fromFile(name string) (restore func(), err error) {
	path, set := os.LookupEnv(name + "_FILE")
	if !set {
		return func() {}, nil
	}
	if _, both := os.LookupEnv(name); both {
		return nil, &ConfigError{Name: name, Err: fmt.Errorf("is set and %s_FILE too: give one of them", name)}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, &ConfigError{Name: name + "_FILE", Value: path, Err: err}
	}
	os.Setenv(name, strings.TrimRight(string(content), "\r\n"))
	return func() { os.Unsetenv(name) }, nil
}

// help prints every variable with type, default and meaning.
func help(out io.Writer, name string, parts []Part) error {
	fmt.Fprintf(out, "%s is set up by environment variables:\n\n", name)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VARIABLE\tTYPE\tDEFAULT\tMEANING")
	for _, part := range parts {
		for _, s := range part.Settings() {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.Type, s.DefaultText(), s.Meaning())
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprint(out, "\nArguments: --help, --version, --check (validate the settings and stop).\n")
	return ErrDone
}

// DefaultText is the default as people read it.
func (s Setting) DefaultText() string {
	if s.Required {
		return "(required)"
	}
	return s.Default
}

// Meaning is the description with what holds for a secret.
func (s Setting) Meaning() string {
	if s.Secret {
		return s.Desc + " (secret: or " + s.Name + "_FILE)"
	}
	return s.Desc
}
