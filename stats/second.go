package stats

import "time"

// seconds names the seconds that a reporter ends, at its own moment in each. Ticks
// that come now just before, now just behind the full second would else give one name
// to two of them, which a viewer takes for what two processes say of the same.
type seconds struct {
	at   time.Time // of the last tick
	name int64     // unix seconds
}

// end names the second that ends with the tick at now.
func (s *seconds) end(now time.Time) int64 {
	name, next := now.Unix(), s.name+1
	gone, part := now.Sub(s.at), now.Nanosecond()
	regular := gone > 500*time.Millisecond && gone < 1500*time.Millisecond && next-1 <= name && name <= next+1
	if edge := int(250 * time.Millisecond); regular && (part < edge || part >= int(time.Second)-edge) {
		name = next
	}
	s.at, s.name = now, name
	return name
}
