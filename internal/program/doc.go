// Package program is the shell that every main shares: it turns the environment
// into settings, signals into a context and an error into an exit code, and it
// serves the admin port.
//
// A main declares its settings, calls Main with a function that wires the parts
// together, and holds no logic of its own. Nothing else in the suite calls
// os.Exit, reads the environment or listens for signals.
package program
