package pipeline

import (
	"testing"

	logtest "github.com/sirupsen/logrus/hooks/test"
)

func TestPortsWithoutALoginThatOthersReachAreToldAtStart(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]int{
		"": 0, "127.0.0.1:4222": 0, "localhost:4222": 0, "[::1]:4222": 0,
		":4222": 1, "0.0.0.0:4222": 1, "[::]:4222": 1, "10.0.0.7:4222": 1, "relay.example.com:4222": 1,
	} {
		log, hook := logtest.NewNullLogger()
		(&Pipeline{log: log}).warnIfOpen("RELAY_NATS_ADDRESS", address, "read it")
		if n := len(hook.AllEntries()); n != want {
			t.Errorf("%q: %d warnings, want %d", address, n, want)
		}
	}
}
