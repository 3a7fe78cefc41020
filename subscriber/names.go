package subscriber

import "time"

// newNames is how many index names a member may bring up in one hour. A client
// that puts an identifier into a field the index is named from would otherwise
// create indices until the far end breaks down.
const newNames = 64

// names remembers index names, so that a record refers to one without owning it.
// What is remembered grows by newNames an hour at most.
type names struct {
	known map[string][]byte
	last  []byte // the name given out last: mostly the next one too
	born  []time.Time
}

// intern returns the remembered form of name, or false when it would be one new
// name too many.
func (n *names) intern(name []byte) ([]byte, bool) {
	if n.last != nil && string(n.last) == string(name) {
		return n.last, true
	}
	known, ok := n.known[string(name)]
	if !ok {
		now := time.Now()
		for len(n.born) > 0 && now.Sub(n.born[0]) >= time.Hour {
			n.born = n.born[1:]
		}
		if len(n.born) >= newNames {
			return nil, false
		}
		if n.known == nil {
			n.known = map[string][]byte{}
		}
		known = append([]byte(nil), name...)
		n.known[string(known)] = known
		n.born = append(n.born, now)
	}
	n.last = known
	return known, true
}
