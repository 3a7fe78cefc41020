package dashboard

import (
	"errors"
	"net/http"
	"testing"

	"lagermeister/stats"
)

// books is a ledger with fixed books, or a reason why there are none.
type books struct {
	json string
	err  error
}

func (b books) JSON() ([]byte, error) { return []byte(b.json), b.err }

func TestTheLedgerIsShownToWhomMayLook(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ledger books
		token  string
		status int
		body   string
	}{
		{books{json: `{"streams":[]}`}, "secret", http.StatusOK, `{"streams":[]}`},
		{books{json: `{"streams":[]}`}, "wrong", http.StatusUnauthorized, ""},
		{books{err: errors.New("no balance yet")}, "secret", http.StatusServiceUnavailable, ""},
	} {
		hub := stats.NewHub()
		t.Cleanup(hub.Close)
		s, host := serve(t, Config{Token: "secret"}, hub, nil)
		s.SetLedger(c.ledger)
		resp, body := get(t, host, "/api/v2/ledger", "Authorization", "Bearer "+c.token)
		if resp.StatusCode != c.status || c.body != "" && body != c.body {
			t.Errorf("token %s: status %d, %s, expected %d, %s", c.token, resp.StatusCode, body, c.status, c.body)
		}
	}
}
