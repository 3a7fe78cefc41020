package searchstore

import (
	"database/sql"
	"fmt"
	"sync"
)

const (
	// maxValues bounds one dictionary of a file, maxValue one entry, bytes. Both
	// are far above what programs write and bound what garbage can occupy.
	maxValues = 10_000
	maxValue  = 256
)

// variable is a header with a dictionary.
type variable int

const (
	varType variable = iota
	varLogger
	varHostname
	varEnvVersion
	variables
)

// columns are the names of the variables in table record.
var columns = [variables]string{"type", "logger", "hostname", "env_version"}

// values numbers the header texts of a file, each variable's from 1. Rows are
// small by it, and a test of a match spec on such a variable is made once for
// each text instead of once for each record, and exactly, regular expressions
// too. Number 0 stands for a text that does not fit and may be any; entry 0 of
// the table, empty, says that there is such a record.
type values struct {
	mu    sync.Mutex
	ids   [variables]map[string]int64
	lists [variables][]string // lists[v][id-1]; entries are never changed
	zero  [variables]bool     // number 0 is used
	fresh []value             // not stored yet
}

type value struct {
	variable variable
	id       int64
	text     string
}

// load reads the dictionaries and forgets what was not stored.
func (d *values) load(db *sql.DB) error {
	rows, err := db.Query("SELECT variable, id, text FROM value ORDER BY variable, id")
	if err != nil {
		return err
	}
	defer rows.Close()
	var next values
	for v := range next.ids {
		next.ids[v] = make(map[string]int64)
	}
	for rows.Next() {
		var e value
		if err := rows.Scan(&e.variable, &e.id, &e.text); err != nil {
			return err
		}
		if e.variable >= 0 && e.variable < variables && e.id == 0 {
			next.zero[e.variable] = true
			continue
		}
		if e.variable < 0 || e.variable >= variables || e.id != int64(len(next.lists[e.variable]))+1 {
			return fmt.Errorf("dictionary entry %d of variable %d: out of order", e.id, e.variable)
		}
		next.lists[e.variable] = append(next.lists[e.variable], e.text)
		next.ids[e.variable][e.text] = e.id
	}
	if err := rows.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ids, d.lists, d.zero, d.fresh = next.ids, next.lists, next.zero, nil
	return nil
}

// number returns the number of a text: a new one if it was never seen, 0 when it
// does not fit. The writer alone calls it.
func (d *values) number(v variable, text []byte) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id, ok := d.ids[v][string(text)]; ok {
		return id
	}
	if len(text) > maxValue || len(d.lists[v]) >= maxValues {
		if !d.zero[v] {
			d.zero[v] = true
			d.fresh = append(d.fresh, value{variable: v})
		}
		return 0
	}
	e := value{v, int64(len(d.lists[v])) + 1, string(text)}
	d.lists[v] = append(d.lists[v], e.text)
	d.ids[v][e.text] = e.id
	d.fresh = append(d.fresh, e)
	return e.id
}

// store writes what is new as part of a transaction. When that is rolled back,
// load must be called.
func (d *values) store(tx *sql.Tx) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.fresh {
		if _, err := tx.Exec("INSERT INTO value (variable, id, text) VALUES (?, ?, ?)", int(e.variable), e.id, []byte(e.text)); err != nil {
			return err
		}
	}
	d.fresh = nil
	return nil
}

// list returns the texts known so far, that of number id at id-1, and whether
// number 0 is used.
func (d *values) list(v variable) (texts []string, zero bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lists[v][:len(d.lists[v]):len(d.lists[v])], d.zero[v]
}
