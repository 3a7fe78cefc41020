package program

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

type remote struct {
	URLs    []string      `envconfig:"REMOTE_URL" url:"true" desc:"far ends"`
	NATS    string        `envconfig:"NATS_URL" default:"nats://localhost:4222" url:"true" desc:"servers"`
	Wait    time.Duration `envconfig:"WAIT" default:"60s" desc:"patience"`
	Keep    time.Duration `envconfig:"KEEP" default:"72h" desc:"age"`
	Own     time.Duration `envconfig:"OWN" desc:"of the program"`
	Address string        `envconfig:"ADDRESS" default:":1" desc:"where to listen; empty: nowhere"`
}

// shown configures a program and returns NAME=value for what is not the default,
// with a ~ before what is masked.
func shown(t *testing.T, env map[string]string) (all []Effective, changed []string) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	parts := func() []Part {
		return []Part{{Prefix: "X", Config: &remote{Own: 90 * time.Second}}, {Prefix: "X", Config: &flat{}}}
	}
	now := parts()
	if _, err := Configure("test", nil, nil, now...); err != nil {
		t.Fatal(err)
	}
	all = EffectiveOf(now, parts())
	for _, e := range all {
		if e.Changed {
			mark := ""
			if e.Masked {
				mark = "~"
			}
			changed = append(changed, mark+e.Name+"="+e.Value)
		} else if e.Value != e.Default || e.Masked {
			t.Errorf("%+v is the default and does not look like it", e)
		}
	}
	return all, changed
}

func TestEffectiveSettingsAreInTheOrderOfHelpWithTheirDefaults(t *testing.T) {
	all, changed := shown(t, nil)
	if len(changed) > 0 {
		t.Errorf("nothing is set, but %q", changed)
	}
	var got []string
	for _, e := range all {
		got = append(got, e.Name+"="+e.Default)
	}
	want := []string{"X_REMOTE_URL=", "X_NATS_URL=nats://localhost:4222", "X_WAIT=60s", "X_KEEP=72h", "X_OWN=1m30s", "X_ADDRESS=:1",
		"X_SUBJECT=lagermeister-test", "X_PASSWORD=", "X_FIELDS=", "X_MAX_BODY=20", "X_LOGGING_LEVEL=info"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestASettingIsChangedWhenItIsNotTheDefault(t *testing.T) {
	_, changed := shown(t, map[string]string{"X_WAIT": "1m", "X_KEEP": "48h", "X_OWN": "2m", "X_ADDRESS": "", "X_FIELDS": "a,b", "X_MAX_BODY": "20", "SUBJECT": "logs"})
	if want := []string{"X_KEEP=48h", "X_OWN=2m", "X_ADDRESS=", "X_SUBJECT=logs", "X_FIELDS=a,b"}; !slices.Equal(changed, want) {
		t.Errorf("got %q, want %q", changed, want)
	}
}

func TestEffectiveSettingsHoldNoSecret(t *testing.T) {
	for i, c := range []struct{ name, value, want string }{
		{"X_PASSWORD", "hunter2", "~X_PASSWORD="},
		{"X_PASSWORD_FILE", "effective_test.go", "~X_PASSWORD="},
		{"X_REMOTE_URL", "https://es:9200/", "X_REMOTE_URL=https://es:9200/"},
		{"X_REMOTE_URL", "https://a,https://b", "X_REMOTE_URL=https://a,https://b"},
		{"X_REMOTE_URL", "https://a,https://u:hunter2@b", "~X_REMOTE_URL=https://a, https://b"},
		{"X_REMOTE_URL", "https://collector.example/receiver/v1/http/hunter2==", "~X_REMOTE_URL=https://collector.example"},
		{"X_REMOTE_URL", "https://es?token=hunter2", "~X_REMOTE_URL=https://es"},
		{"X_REMOTE_URL", "u:hunter2@es", "~X_REMOTE_URL=…"},
		{"X_NATS_URL", "nats://hunter2@hub", "~X_NATS_URL=nats://hub"},
		{"X_NATS_URL", "nats://a,nats://u:hunter2@b,", "~X_NATS_URL=nats://a, nats://b"},
		{"X_NATS_URL", "tls://a,tls://b,", "X_NATS_URL=tls://a,tls://b,"},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if _, changed := shown(t, map[string]string{c.name: c.value}); !slices.Equal(changed, []string{c.want}) {
				t.Errorf("%s=%s is shown as %q, want %q", c.name, c.value, changed, c.want)
			}
		})
	}
}
