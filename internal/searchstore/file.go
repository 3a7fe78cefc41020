package searchstore

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// schemaVersion is kept in SQLite's user_version.
const schemaVersion = 1

// schema of a file. Rows are numbered from 1 without gaps and never removed one
// by one, so the largest n is their count.
//
//	time      the record's place in time, unix ns: the event's, or the block's
//	          cut for a record without a timestamp
//	hash      the last 16 bytes of the record's id
//	type, logger, hostname, env_version
//	          numbers of the texts, see values.go
//	severity, pid
//	          as a match spec reads them: 7 and 0 when absent
//	undated   1 for a record without a timestamp
//	skew      1 when the event's date could not be used for the index
//	seq, idx  the record's position in the stream
//	frame     the original Heka frame, or bare message
//
// by_time orders and pages, makes repeats collide, and holds what most searches
// narrow by, so that these do not touch the rows they pass over: all its columns
// follow from the record, so they do not weaken the uniqueness. A record without
// a timestamp has no time of its own and collides by hash alone.
const schema = `
CREATE TABLE value (variable INTEGER NOT NULL, id INTEGER NOT NULL, text BLOB NOT NULL, PRIMARY KEY (variable, id)) WITHOUT ROWID;
CREATE TABLE record (n INTEGER PRIMARY KEY, time INTEGER NOT NULL, hash BLOB NOT NULL,
  type INTEGER NOT NULL, logger INTEGER NOT NULL, hostname INTEGER NOT NULL, env_version INTEGER NOT NULL,
  severity INTEGER NOT NULL, pid INTEGER NOT NULL, undated INTEGER NOT NULL, skew INTEGER NOT NULL,
  seq INTEGER NOT NULL, idx INTEGER NOT NULL, frame BLOB NOT NULL);
CREATE UNIQUE INDEX by_time ON record (time, hash, type, logger, hostname, env_version, severity, pid, undated);
CREATE UNIQUE INDEX undated ON record (hash) WHERE undated;
CREATE VIRTUAL TABLE words USING fts5 (payload, content='', columnsize=0, detail=none, tokenize='ascii');
INSERT INTO words (words, rank) VALUES ('automerge', 8);
`

// recordValues is the list of an INSERT into record.
const recordValues = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"

// chunk is how many rows one INSERT takes: it spreads the cost of a call.
const chunk = 100

// file is one index. Its methods may be called from any goroutine.
type file struct {
	name string // of the index
	path string

	// use is held for reading while the databases are used, for writing when
	// they are closed for good, after which gone is set.
	use  sync.RWMutex
	gone bool

	write, read *sql.DB
	insertMany  *sql.Stmt
	insertOne   *sql.Stmt
	wordsMany   *sql.Stmt
	wordsOne    *sql.Stmt

	writing sync.Mutex // one transaction at a time
	stale   bool       // the last transaction failed: what memory says may be wrong
	values  values

	mu     sync.Mutex // guards extent
	extent extent
}

// extent is what a file holds, as far as it is committed.
type extent struct {
	rows     int64
	min, max int64 // of time; max < min without rows
}

// openFile opens the index at path, or makes it. A file that is no database of
// ours or is damaged gives an error for which isCorrupt holds.
func openFile(name, path string) (*file, error) {
	f := &file{name: name, path: path}
	_, err := os.Stat(path)
	fresh := errors.Is(err, os.ErrNotExist)
	if err := f.open(); err != nil {
		f.close()
		return nil, fmt.Errorf("search store file %s: %w", path, err)
	}
	if fresh {
		if err := syncDir(filepath.Dir(path)); err != nil {
			f.close()
			return nil, fmt.Errorf("search store file %s: make its name durable: %w", path, err)
		}
	}
	return f, nil
}

func (f *file) open() (err error) {
	if f.write, err = openDB(f.path, 1, "page_size(8192)", "journal_mode(wal)", "synchronous(full)",
		"wal_autocheckpoint(3000)", "journal_size_limit(67108864)", "cache_size(-32768)"); err != nil {
		return err
	}
	var version int
	if err := f.write.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch version {
	case schemaVersion:
	case 0:
		_, err := f.write.Exec(fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT;", schema, schemaVersion))
		if err != nil {
			return err
		}
	default:
		return fmt.Errorf("schema version %d, this program knows %d: it was written by another version", version, schemaVersion)
	}
	if f.read, err = openDB(f.path, 4, "query_only(1)", "cache_size(-8192)"); err != nil {
		return err
	}
	if err := f.load(); err != nil {
		return err
	}
	return f.prepare()
}

// load reads what is kept in memory about the file.
func (f *file) load() error {
	e := extent{min: math.MaxInt64, max: math.MinInt64}
	err := f.read.QueryRow(`SELECT ifnull((SELECT max(n) FROM record), 0), ifnull((SELECT min(time) FROM record), ?),
		ifnull((SELECT max(time) FROM record), ?)`, e.min, e.max).Scan(&e.rows, &e.min, &e.max)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.extent = e
	f.mu.Unlock()
	return f.values.load(f.read)
}

// openDB opens a pool of at most conns connections. Idle ones are closed after a
// while, so that many files cost nothing when nobody asks for them.
func openDB(path string, conns int, pragmas ...string) (*sql.DB, error) {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: absolute, RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(2 * time.Minute)
	return db, nil
}

func (f *file) prepare() error {
	const (
		record = "INSERT INTO record VALUES "
		word   = "INSERT INTO words (rowid, payload) VALUES "
	)
	many := func(row string) string { return strings.TrimSuffix(strings.Repeat(row+",", chunk), ",") }
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&f.insertMany, record + many(recordValues)},
		{&f.insertOne, record + recordValues + " ON CONFLICT DO NOTHING"},
		{&f.wordsMany, word + many("(?,?)")},
		{&f.wordsOne, word + "(?,?)"},
	} {
		stmt, err := f.write.Prepare(s.text)
		if err != nil {
			return err
		}
		*s.stmt = stmt
	}
	return nil
}

// held returns what the file holds.
func (f *file) held() extent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.extent
}

// insert stores items durably, all of them or, after an error, none. It sets
// known on those whose id is stored already.
func (f *file) insert(items []*item) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.use.RLock()
	defer f.use.RUnlock()
	if f.gone {
		return errGone
	}
	if f.stale {
		if err := f.load(); err != nil {
			return err
		}
	}
	f.stale = true
	tx, err := f.write.Begin()
	if err != nil {
		return err
	}
	e := f.held()
	if err = f.insertTx(tx, items, &e); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		_ = tx.Rollback() // err says why
		return err
	}
	f.stale = false
	f.mu.Lock()
	f.extent = e
	f.mu.Unlock()
	return nil
}

func (f *file) insertTx(tx *sql.Tx, items []*item, e *extent) error {
	for _, it := range items {
		it.known = false
		for v := range variables {
			it.numbers[v] = f.values.number(v, it.texts[v])
		}
	}
	if err := f.values.store(tx); err != nil {
		return err
	}
	many, one := tx.Stmt(f.insertMany), tx.Stmt(f.insertOne)
	args := make([]any, 0, chunk*strings.Count(recordValues, "?"))
	stored := make([]*item, 0, len(items))
	for rest := items; len(rest) > 0; {
		run := rest[:min(chunk, len(rest))]
		rest = rest[len(run):]
		if len(run) == chunk {
			args = args[:0]
			for i, it := range run {
				args = it.appendArgs(args, e.rows+int64(i)+1)
			}
			_, err := many.Exec(args...)
			if err == nil {
				for _, it := range run {
					stored = append(stored, it)
					e.add(it)
				}
				continue
			}
			if !hasCode(err, sqlite3.SQLITE_CONSTRAINT) {
				return err
			}
		}
		for _, it := range run { // few of them, or one of them is known
			result, err := one.Exec(it.appendArgs(args[:0], e.rows+1)...)
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil {
				return err
			} else if n == 0 {
				it.known = true
				continue
			}
			stored = append(stored, it)
			e.add(it)
		}
	}
	return f.insertWords(tx, stored)
}

// add counts a row that was given the next number.
func (e *extent) add(it *item) {
	e.rows++
	it.n = e.rows
	e.min, e.max = min(e.min, it.time), max(e.max, it.time)
}

func (f *file) insertWords(tx *sql.Tx, items []*item) error {
	many, one := tx.Stmt(f.wordsMany), tx.Stmt(f.wordsOne)
	args := make([]any, 0, chunk*2)
	for _, it := range items {
		if len(it.words) == 0 {
			continue
		}
		if args = append(args, it.n, it.words); len(args) == cap(args) {
			if _, err := many.Exec(args...); err != nil {
				return err
			}
			args = args[:0]
		}
	}
	for ; len(args) > 0; args = args[2:] {
		if _, err := one.Exec(args[:2]...); err != nil {
			return err
		}
	}
	return nil
}

// close waits for readers and writers and closes the databases for good.
func (f *file) close() error {
	f.use.Lock()
	defer f.use.Unlock()
	f.gone = true
	var errs []error
	for _, db := range []*sql.DB{f.read, f.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// errGone is what a caller gets who still holds a file that was removed.
var errGone = errors.New("index was removed")

func hasCode(err error, codes ...int) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code()&0xff == code { // without the extended part
			return true
		}
	}
	return false
}

// isCorrupt reports whether err says that a file is damaged or no database.
func isCorrupt(err error) bool {
	return hasCode(err, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
}
