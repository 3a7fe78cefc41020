package pipeline

import (
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"

	"lagermeister/internal/program"
)

func TestTheEffectiveSettingsAreThoseOfHelp(t *testing.T) {
	t.Parallel()
	var help strings.Builder
	_, _ = program.Configure("local_relay", []string{"--help"}, &help, Defaults().Parts()...)
	last := -1
	list := Defaults().effective()
	for _, one := range list {
		at := strings.Index(help.String(), "\n"+one.Name+" ")
		if at <= last {
			t.Errorf("%s is at %d of --help, the one before at %d", one.Name, at, last)
		}
		last = at
	}
	if lines := strings.Count(help.String(), "\n") - 5; len(list) != lines { // a title, a head, a foot, two empty ones
		t.Errorf("%d settings, %d in --help", len(list), lines)
	}
}

// Whatever a variable may hold that nobody should see.
func TestEffectiveSettingsOfARelayShowNoSecret(t *testing.T) {
	const canary = "hunter2"
	secrets := 0
	for _, part := range Defaults().Parts() {
		for _, s := range part.Settings() {
			if strings.HasSuffix(s.Name, "_URL") != s.URL {
				t.Errorf("%s: a variable of URLs is called _URL and has the tag url, others have neither", s.Name)
			}
			if s.Secret {
				secrets++
			}
		}
	}
	if secrets < 6 {
		t.Fatalf("%d secrets", secrets)
	}
	for name, value := range map[string]string{
		"PROXY_TOKEN": canary, "PROXY_OPERATOR_TOKEN": canary + "2", "RELAY_HUB_PASSWORD": canary, "RELAY_HUB_USER": "hub",
		"RELAY_HUB_URL":    "nats://" + canary + "@hub:4222,tls://user:" + canary + "@[::1]:4222",
		"ESSUB_REMOTE_URL": "https://user:" + canary + "@es-1:9200,https://es-2/" + canary + "?key=" + canary, "ESSUB_REMOTE_API_KEY": "id:" + canary,
	} {
		t.Setenv(name, value)
	}
	s := Defaults()
	if _, err := program.Configure("local_relay", nil, io.Discard, s.Parts()...); err != nil {
		t.Fatal(err)
	}
	s.Bulk.Password, s.Bulk.BearerToken = canary, canary // of which only one may be set
	shown := map[string]string{}
	for _, one := range s.effective() {
		if one.Changed {
			shown[one.Name] = one.Value
		}
		if one.Masked != (one.Changed && (one.Secret || strings.HasSuffix(one.Name, "_URL"))) {
			t.Errorf("%+v is masked, or is not", one)
		}
	}
	want := map[string]string{"PROXY_TOKEN": "", "PROXY_OPERATOR_TOKEN": "", "RELAY_HUB_PASSWORD": "", "RELAY_HUB_USER": "hub", "RELAY_HUB_URL": "nats://hub:4222, tls://[::1]:4222",
		"ESSUB_REMOTE_URL": "https://es-1:9200, https://es-2", "ESSUB_REMOTE_API_KEY": "", "ESSUB_REMOTE_PASSWORD": "", "ESSUB_REMOTE_BEARER_TOKEN": ""}
	if !reflect.DeepEqual(shown, want) {
		t.Errorf("got %q, want %q", shown, want)
	}
	if all, _ := json.Marshal(s.effective()); strings.Contains(string(all), canary) {
		t.Errorf("a secret is shown: %s", all)
	}
}

// What follows from the settings is not in them: who copies them has a relay with
// a store of its own, wherever this one listens.
func TestEffectiveSettingsAreThoseThatWereGiven(t *testing.T) {
	t.Parallel()
	for _, one := range relay(t).given {
		if one.Changed {
			switch one.Name {
			case "RELAY_DATA_DIR", "RELAY_NATS_ADDRESS", "RELAY_STORE_ADDRESS", "RELAY_STATS_ADDRESS", "TCPRCVR_BIND_ADDRESS", "RCVR_BIND_ADDRESS", "PROXY_HTTP_PORT", "RCVR_ACK_TIMEOUT":
			default:
				t.Errorf("%s=%s was not given", one.Name, one.Value)
			}
		}
	}
}
