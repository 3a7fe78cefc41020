package torture

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"lagermeister/ledger"
)

// balances asks stats_proxy for the ledger, as drawn up after since. why says what
// is wrong with it; empty when every group of the main stream has its balance.
func (s *suite) balances(since time.Time) (groups []ledger.Balance, why string) {
	status, body := get("http://" + s.programs["proxy"].admin + "/api/v2/ledger")
	if status != http.StatusOK {
		return nil, fmt.Sprintf("GET /api/v2/ledger of stats_proxy: %d %.200s", status, strings.TrimSpace(body))
	}
	var books ledger.Books
	if err := json.Unmarshal([]byte(body), &books); err != nil {
		return nil, fmt.Sprintf("answer of /api/v2/ledger: %v", err)
	}
	for _, b := range books.Streams {
		if b.Stream == mainStream {
			groups = b.Groups
		}
	}
	switch {
	case !books.At.After(since):
		return groups, fmt.Sprintf("the ledger is of %v: %s", books.At, books.Error)
	case len(groups) != 2:
		return groups, fmt.Sprintf("the ledger knows %d groups of %s, expected 2", len(groups), mainStream)
	}
	for _, g := range groups {
		if g.State != ledger.Balanced || g.Pending != 0 {
			return groups, fmt.Sprintf("group %s is %s: difference %d, pending %d, expired %d %s", g.Group, g.State, g.Difference, g.Pending, g.Expired, g.Error)
		}
	}
	return groups, ""
}
