package ledger

import "time"

// States of a Balance.
const (
	Balanced   = "balanced"   // every record is accounted for: it has its one outcome, or is pending
	Difference = "difference" // some are not, or twice
	Unknown    = "unknown"    // the figures could not be had; Error says why
)

// Balance says where the records of one group are, at one moment:
//
//	stored = delivered + filtered + dead + pending + expired + difference
//
// A block counts the records of its settlement, and until it has one those that
// its publisher wrote into its header.
type Balance struct {
	Group    string `json:"group"`
	State    string `json:"state"`
	Error    string `json:"error,omitempty"`
	Closed   bool   `json:"closed"`   // the group's consumer is gone: nothing is pending or expired
	Epoch    int64  `json:"epoch"`    // its creation, unix ns
	Baseline uint64 `json:"baseline"` // first sequence that is the group's affair

	Stored     uint64 `json:"stored"`
	Delivered  uint64 `json:"delivered"`
	Already    uint64 `json:"already"`  // of the delivered, known to the sink before
	Repaired   uint64 `json:"repaired"` // of the delivered, after a repair
	Filtered   uint64 `json:"filtered"`
	Dead       uint64 `json:"dead"`
	Pending    uint64 `json:"pending"`
	Expired    uint64 `json:"expired"` // gone from the stream and never settled: lost
	Difference int64  `json:"difference"`

	PendingBlocks uint64 `json:"pending_blocks"`
	ExpiredBlocks uint64 `json:"expired_blocks"` // without those the state has closed its holes over
	SettledTo     uint64 `json:"settled_to"`     // all blocks up to this sequence are settled
}

// StreamBalance is the balances of all groups of a stream.
type StreamBalance struct {
	Stream   string `json:"stream"`
	Error    string `json:"error,omitempty"` // why there are no figures
	First    uint64 `json:"first"`           // sequences
	Last     uint64 `json:"last"`
	Bytes    uint64 `json:"bytes"`
	MaxBytes int64  `json:"max_bytes"`

	// Until intake is refused at the present rate, or with discard old until the
	// first loss, seconds; null when it does not come to that. HeldBy is the group
	// that has settled least.
	SecondsUntilFull *float64 `json:"seconds_until_full"`
	HeldBy           string   `json:"held_by"`
	left             time.Duration

	Groups []Balance `json:"groups"`
}

// Books are the balances of all streams.
type Books struct {
	At      time.Time       `json:"at"`
	Error   string          `json:"error,omitempty"` // why there are no newer ones
	Streams []StreamBalance `json:"streams"`
}

// Unbalanced lists what has a difference or no figures, as STREAM/GROUP: STATE.
func (b *Books) Unbalanced() (list []string) {
	for _, s := range b.Streams {
		if s.Error != "" {
			list = append(list, s.Stream+": "+Unknown)
		}
		for _, g := range s.Groups {
			if g.State == Difference || g.State == Unknown {
				list = append(list, s.Stream+"/"+g.Group+": "+g.State)
			}
		}
	}
	return list
}

// balance adds up one group of a view. records tells how many records the blocks
// from first to last have.
func (g *Group) balance(first, last uint64, records func(first, last uint64) uint64) Balance {
	s := &g.State
	b := Balance{
		Group: g.Name, Closed: g.Closed, Epoch: s.Epoch, Baseline: s.Baseline,
		Stored: s.Sums.Records, Delivered: s.Sums.Delivered, Already: s.Sums.Already, Repaired: s.Sums.Repaired,
		Filtered: s.Sums.Filtered, Dead: s.Sums.Dead, Expired: s.Sums.Expired,
	}
	if g.Err != nil {
		b.State, b.Error = Unknown, g.Err.Error()
		return b
	}
	if !g.Closed {
		for from, to := range s.Settled.Holes(s.Baseline, last) {
			if from < first { // gone
				end := min(to, first-1)
				n := records(from, end)
				b.Expired, b.Stored, b.ExpiredBlocks = b.Expired+n, b.Stored+n, b.ExpiredBlocks+end-from+1
				from = end + 1
			}
			if from <= to {
				n := records(from, to)
				b.Pending, b.Stored, b.PendingBlocks = b.Pending+n, b.Stored+n, b.PendingBlocks+to-from+1
			}
		}
		// What is settled and was never stored, or never the group's: at least one record each.
		b.Stored -= min(b.Stored, s.Settled.Count()-s.Settled.Within(s.Baseline, last))
	}
	b.SettledTo = last
	for from := range s.Settled.Holes(max(s.Baseline, 1), last) {
		b.SettledTo = from - 1
		break
	}
	b.Difference = int64(b.Stored) - int64(b.Delivered+b.Filtered+b.Dead+b.Pending+b.Expired)
	b.State = Balanced
	if b.Difference != 0 {
		b.State = Difference
	}
	return b
}
