package stream

import (
	"strings"
	"testing"
)

func TestCleanLeavesOnlyWhatNATSTakes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"lagermeister-test": "lagermeister-test",
		"logs.app.*":        "logs_app__",
		"Größe/1 2":         "Gr__e_1_2",
		"a:b":               "a_b",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMatchesAsNATSDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, subject string
		want             bool
	}{
		{"logs", "logs", true},
		{"logs", "logs.a", false},
		{"logs.a", "logs", false},
		{"logs.*", "logs.a", true},
		{"logs.*", "logs", false},
		{"logs.*", "logs.a.b", false},
		{"*.a", "logs.a", true},
		{"logs.>", "logs.a.b", true},
		{"logs.>", "logs", false},
		{">", "logs", true},
		{"logs.*.c", "logs.b.c", true},
		{"logs.*.c", "logs.b.d", false},
	} {
		if got := Matches(c.pattern, c.subject); got != c.want {
			t.Errorf("Matches(%q, %q) = %v", c.pattern, c.subject, got)
		}
	}
}

func TestSubjectsAreThoseOfTheWireFormat(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		DeadName("logs"):                       "logs_DEAD",
		DeadSubject("logs", "es", 1700, 42, 7): "lm.dead.logs.es.1700.42.7",
		LedgerSubject("logs", "es"):            "lm.ledger.logs.es",
		ReplaySubject("logs", "es"):            "lm.replay.logs.es",
		LedgerKey("logs", "es"):                "ledger.logs.es",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSettingsOutOfRangeAreNamed(t *testing.T) {
	t.Parallel()
	good := Config{Subject: "logs", StreamReplicas: 1, StreamMaxBytes: 1 << 30, DuplicateWindow: 2e9, WhenFull: WhenFullRefuse}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"SUBJECT=: expected words":            func(c *Config) { c.Subject = "" },
		"SUBJECT=a..b: ":                      func(c *Config) { c.Subject = "a..b" },
		"SUBJECT=a b: expected no blanks":     func(c *Config) { c.Subject = "a b" },
		"SUBJECT=>.a: ":                       func(c *Config) { c.Subject = ">.a" },
		"SUBJECT=lm.dead.x: ":                 func(c *Config) { c.Subject = "lm.dead.x" },
		"STREAM_REPLICAS=0: expected 1 to 5":  func(c *Config) { c.StreamReplicas = 0 },
		"STREAM_MAX_BYTES=1: ":                func(c *Config) { c.StreamMaxBytes = 1 },
		"STREAM_MAX_AGE=-1ns: ":               func(c *Config) { c.StreamMaxAge = -1 },
		"STREAM_DUPLICATE_WINDOW=0s: ":        func(c *Config) { c.DuplicateWindow = 0 },
		"STREAM_WHEN_FULL=wait: ":             func(c *Config) { c.WhenFull = "wait" },
		"REQUIRE_DURABILITY=much: expected r": func(c *Config) { c.RequireDurability = "much" },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s...", err, want)
		}
	}
}

func TestEmbeddedStreamTakesHalfOfTheRoom(t *testing.T) {
	t.Parallel()
	for room, want := range map[int64]int64{100 << 30: 10 << 30, 8 << 30: 4 << 30, 1 << 20: 16 << 20} {
		c := Config{StreamMaxBytes: 10 << 30}
		c.Embed(room)
		if c.StreamMaxBytes != want || !c.BrokerFsync || !c.Embedded {
			t.Errorf("room for %d bytes: %+v, want size %d", room, c, want)
		}
	}
}

func TestServersBefore211CannotPause(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"2.15.2": true, "2.11.0-RC.1": true, "3.0.0": true, "": true, "2.10.29": false, "2.9.25": false} {
		if canPause(version) != want {
			t.Errorf("%q: %v, want %v", version, !want, want)
		}
	}
}
