package subscriber

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"lagermeister/heka"
	"lagermeister/heka/hekapb"
)

// message is the body of a small valid message with that payload.
func message(t testing.TB, payload string) []byte {
	t.Helper()
	body, err := proto.Marshal(&hekapb.Message{
		Uuid:      fixedUUID(payload),
		Timestamp: proto.Int64(1_700_000_000_000_000_000),
		Type:      proto.String("test"),
		Hostname:  proto.String("host.example.com"),
		Payload:   proto.String(payload),
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// fixedUUID is 16 bytes that depend on s only.
func fixedUUID(s string) []byte {
	id := make([]byte, 16)
	for i := range s {
		id[i%16] = id[i%16]*31 + s[i]
	}
	return id
}

func frame(t testing.TB, payload string) []byte { return heka.AppendFrame(nil, message(t, payload)) }
