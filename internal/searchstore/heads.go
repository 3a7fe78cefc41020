package searchstore

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"sync"

	"lagermeister/heka"
)

const (
	// maxHeads bounds a file's dictionary, maxHead one entry of it, bytes. Both
	// are far above what programs write and bound what garbage can occupy.
	maxHeads = 10_000
	maxHead  = 512
)

// head is the header values that a message shares with many others. Absent
// values hold the defaults that a match spec reads.
type head struct {
	kind, logger, hostname, envVersion string // kind: the message's Type
	severity                           int32
	undated                            bool // the message has no timestamp
}

// heads numbers the heads of a file from 1. Most tests of a match spec look at
// nothing else, so they are made once for each head instead of once for each
// record, and exactly, regular expressions too. Number 0 stands for a head that
// does not fit.
type heads struct {
	mu    sync.Mutex
	ids   map[string]int64 // by appendHead
	list  []head           // list[id-1]; entries are never changed
	zero  bool             // some record has number 0; entry 0 of the table, empty, says so
	fresh []entry          // not stored yet
}

type entry struct {
	id    int64
	value string
}

// appendHead appends the form of a message's head that is stored: undated,
// severity, then each text with its length before it.
func appendHead(dst []byte, m *heka.Message) []byte {
	var undated byte
	if !m.HasTimestamp {
		undated = 1
	}
	dst = append(dst, undated)
	dst = binary.AppendVarint(dst, int64(m.Severity))
	for _, text := range [][]byte{m.Type, m.Logger, m.Hostname, m.EnvVersion} {
		dst = append(binary.AppendUvarint(dst, uint64(len(text))), text...)
	}
	return dst
}

// parseHead reads what appendHead wrote.
func parseHead(b []byte) (h head, err error) {
	bad := fmt.Errorf("header values of %d bytes cannot be read", len(b))
	if len(b) < 2 {
		return h, bad
	}
	h.undated = b[0] != 0
	severity, n := binary.Varint(b[1:])
	if n <= 0 {
		return h, bad
	}
	h.severity = int32(severity)
	b = b[1+n:]
	for _, text := range []*string{&h.kind, &h.logger, &h.hostname, &h.envVersion} {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return h, bad
		}
		*text = string(b[n : n+int(size)])
		b = b[n+int(size):]
	}
	return h, nil
}

// load reads the dictionary and forgets what was not stored.
func (h *heads) load(db *sql.DB) error {
	rows, err := db.Query("SELECT id, value FROM head ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	next := heads{ids: make(map[string]int64)}
	for rows.Next() {
		var id int64
		var value []byte
		if err := rows.Scan(&id, &value); err != nil {
			return err
		}
		if id == 0 {
			next.zero = true
			continue
		}
		one, err := parseHead(value)
		if err != nil || id != int64(len(next.list))+1 {
			return fmt.Errorf("dictionary entry %d: out of order or unreadable: %v", id, err)
		}
		next.list = append(next.list, one)
		next.ids[string(value)] = id
	}
	if err := rows.Err(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids, h.list, h.zero, h.fresh = next.ids, next.list, next.zero, nil
	return nil
}

// id returns the number of a head: a new one if it was never seen, 0 when it
// does not fit. The writer alone calls it.
func (h *heads) id(value []byte) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id, ok := h.ids[string(value)]; ok {
		return id
	}
	one, err := parseHead(value)
	if err != nil || len(value) > maxHead || len(h.list) >= maxHeads {
		if !h.zero {
			h.zero = true
			h.fresh = append(h.fresh, entry{})
		}
		return 0
	}
	h.list = append(h.list, one)
	added := entry{int64(len(h.list)), string(value)}
	h.ids[added.value] = added.id
	h.fresh = append(h.fresh, added)
	return added.id
}

// store writes what is new as part of a transaction. When that is rolled back,
// load must be called.
func (h *heads) store(tx *sql.Tx) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.fresh {
		if _, err := tx.Exec("INSERT INTO head (id, value) VALUES (?, ?)", e.id, []byte(e.value)); err != nil {
			return err
		}
	}
	h.fresh = nil
	return nil
}

// all returns the heads known so far, that of number id at id-1, and whether
// there are records with number 0.
func (h *heads) all() (list []head, zero bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.list[:len(h.list):len(h.list)], h.zero
}
