// Package hekapb is the code protoc-gen-go generates from heka/message.proto. It
// builds messages and checks package heka in tests; nothing on the data path
// decodes with it, because it refuses messages that Heka accepts.
package hekapb
