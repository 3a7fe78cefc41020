package dashboard

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"

	"lagermeister/stats"
)

func TestSettingsAreForOperatorsAlone(t *testing.T) {
	t.Parallel()
	list := []Setting{{Name: "B_URL", Value: "http://es", Changed: true, Masked: true, Desc: "far end"}, {Name: "A_TOKEN", Secret: true}}
	for _, c := range []struct {
		cfg    Config
		token  string
		status int
	}{
		{Config{Token: "look", OperatorToken: "change"}, "change", 200},
		{Config{Token: "look", OperatorToken: "change"}, "look", 403},
		{Config{Token: "look", OperatorToken: "change"}, "", 401},
		{Config{Token: "look"}, "look", 403},
		{Config{}, "", 200}, // loopback
		{Config{Insecure: true, BindAddress: "0.0.0.0"}, "", 403},
	} {
		s, host := serve(t, c.cfg, stats.NewHub(), nil)
		s.SetSettings("stats_proxy", list)
		_, port, _ := net.SplitHostPort(host)
		resp, body := get(t, "127.0.0.1:"+port, "/api/v2/settings", "Authorization", "Bearer "+c.token)
		if resp.StatusCode != c.status {
			t.Errorf("%+v, token %q: %d %s", c.cfg, c.token, resp.StatusCode, body)
		}
		if resp.StatusCode == 403 && (resp.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, "hosts, files and addresses") || strings.Contains(body, "B_URL")) {
			t.Errorf("a viewer is told %s", body)
		}
		if resp.StatusCode != 200 {
			continue
		}
		var got struct {
			Program  string
			Settings []Setting
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Program != "stats_proxy" || !slices.Equal(got.Settings, list) || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v, %s: %s", err, resp.Header, body)
		}
	}
}
