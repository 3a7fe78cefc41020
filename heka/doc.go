// Package heka reads and writes Heka messages and the stream framing around
// them, byte for byte as Heka 0.11 does:
//
//	0x1E | header length (1 byte) | header | 0x1F | message
//
// Three things are promised to every caller. Whatever the bytes, nothing here
// panics, loops for ever or allocates beyond its limits. The frames found in
// a stream depend on its bytes alone, never on the sizes of the reads. And a
// message is only ever looked at: Scanner, Message and Field are views of the
// caller's bytes, so what was received is what can be stored and verified.
//
// A view shares the memory it was given and is valid as long as that memory is
// left alone. No type here may be used by two goroutines at once, except
// Signers, which nobody changes after reading.
//
// The facts come from the Heka manual ("Stream Framing", "Message") and from
// the behaviour of the original programs, kept as vectors in testdata; the
// format as this project uses it is in docs/wire-format.md. Everything here is
// pure: no network, no clock, no logging. The message matcher is in
// heka/matcher, JSON in heka/encode, record ids in heka/recordid.
package heka

//go:generate protoc --go_out=. --go_opt=module=lagermeister/heka message.proto
