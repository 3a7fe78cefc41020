package searchstore

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"lagermeister/heka/encode"
	"lagermeister/internal/dirlock"
)

// Config says where records are kept and for how long.
type Config struct {
	// Dir is made when it is not there. One process at a time may use it.
	Dir string `ignored:"true"`

	MaxAge   time.Duration `envconfig:"STORE_MAX_AGE" default:"168h" desc:"search store: files not written to for longer are removed. 0: never"`
	MaxBytes int64         `envconfig:"STORE_MAX_BYTES" default:"21474836480" desc:"search store: the oldest files are removed while all of them are larger, bytes. 0: no limit"`
	MinFree  int64         `envconfig:"STORE_MIN_FREE" default:"1073741824" desc:"search store: free disk space below which the oldest files are removed, and writes refused when that does not help, bytes"`
}

// Validate rejects limits below zero.
func (c Config) Validate() error {
	switch {
	case c.MaxAge < 0:
		return fmt.Errorf("STORE_MAX_AGE=%v: expected a duration of 0 or more", c.MaxAge)
	case c.MaxBytes < 0:
		return fmt.Errorf("STORE_MAX_BYTES=%d: expected 0 or more bytes", c.MaxBytes)
	case c.MinFree < 0:
		return fmt.Errorf("STORE_MIN_FREE=%d: expected 0 or more bytes", c.MinFree)
	}
	return nil
}

// Store is a directory of files, one an index. Its methods may be called from
// any goroutine.
type Store struct {
	cfg     Config
	log     logrus.FieldLogger
	encoder *encode.Encoder
	lock    *os.File

	bodies atomic.Int64 // bytes of bulk requests being handled

	mu     sync.Mutex
	files  map[string]*file // by index
	most   int              // of files: maxFiles, but in tests
	closed bool

	countWindow int // rows: defaultCountWindow, but in tests

	retaining sync.Mutex
	full      error     // why writes are refused; nil as long as they are not
	looked    time.Time // when the retention last ran

	stop    chan struct{}
	stopped sync.WaitGroup
}

// suffix of a file's name; before it stands the index's.
const suffix = ".db"

// Open opens the store, with all its files, and applies the retention. Damaged
// files are put aside. It fails when the directory cannot be used or another
// process uses it.
func Open(cfg Config, log logrus.FieldLogger) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	encoder, err := encode.New("ecs", nil, nil)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, log: log.WithField("component", "searchstore"), encoder: encoder,
		files: make(map[string]*file), most: maxFiles, countWindow: defaultCountWindow, stop: make(chan struct{})}
	if err := s.openDir(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.retain(time.Now())
	s.stopped.Go(s.retainEveryMinute)
	return s, nil
}

func (s *Store) openDir() error {
	if err := os.MkdirAll(s.cfg.Dir, 0o750); err != nil {
		return fmt.Errorf("search store: %w", err)
	}
	var err error
	if s.lock, err = dirlock.Lock(s.cfg.Dir); err != nil {
		return fmt.Errorf("search store: %w", err)
	}
	paths, err := filepath.Glob(filepath.Join(globQuote(s.cfg.Dir), "*"+suffix))
	if err != nil {
		return fmt.Errorf("search store %s: %w", s.cfg.Dir, err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), suffix)
		if checkIndex(name) != nil {
			continue // not ours
		}
		if _, err := s.openLocked(name); err != nil && !isCorrupt(err) {
			return err
		}
	}
	return nil
}

// Close waits for what is being written and closes all files.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	files := s.files
	s.files = nil
	s.mu.Unlock()

	close(s.stop)
	s.stopped.Wait()
	var errs []error
	for _, f := range files {
		errs = append(errs, f.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// file returns the file of an index, made if it is not there.
func (s *Store) file(index string) (*file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if f, ok := s.files[index]; ok {
		return f, nil
	}
	if len(s.files) >= s.most {
		return nil, fmt.Errorf("index %s: %w", index, errTooManyFiles)
	}
	return s.openLocked(index)
}

// maxFiles bounds the indices: each holds file descriptors and memory.
const maxFiles = 500

var (
	errClosed       = errors.New("search store is closed")
	errTooManyFiles = fmt.Errorf("there are %d indices already, no more are made; STORE_MAX_AGE removes old ones", maxFiles)
)

func (s *Store) openLocked(index string) (*file, error) {
	path := filepath.Join(s.cfg.Dir, index+suffix)
	f, err := openFile(index, path)
	if err != nil {
		if isCorrupt(err) {
			s.putAside(path, err)
		}
		return nil, err
	}
	s.files[index] = f
	return f, nil
}

// all returns the files there are, by name.
func (s *Store) all() []*file {
	s.mu.Lock()
	defer s.mu.Unlock()
	files := make([]*file, 0, len(s.files))
	for _, f := range s.files {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b *file) int { return cmp.Compare(a.name, b.name) })
	return files
}

// damaged puts f aside if err says that it is damaged. The index starts anew
// with the next record.
func (s *Store) damaged(f *file, err error) {
	if !isCorrupt(err) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgetLocked(f) {
		_ = f.close() // it is damaged
		s.putAside(f.path, err)
	}
}

// forgetLocked takes f out of the store and reports whether it was there. The
// lock is held until its file has gone too: otherwise the index could be made
// anew and lose that one's file.
func (s *Store) forgetLocked(f *file) bool {
	if s.files[f.name] != f {
		return false
	}
	delete(s.files, f.name)
	return true
}

// putAside renames a damaged file, so that it can be looked at and stops nothing.
func (s *Store) putAside(path string, cause error) {
	aside := fmt.Sprintf("%s.damaged-%d", path, time.Now().UnixNano())
	log := s.log.WithError(cause).WithFields(logrus.Fields{"file": path, "aside": aside})
	for _, part := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(path+part, aside+part); err != nil && !errors.Is(err, os.ErrNotExist) {
			log.WithField("rename", err).Error("search store file is damaged and cannot be put aside, its index cannot be used")
			return
		}
	}
	log.Error("search store file is damaged and was put aside: its records cannot be found until it is repaired (sqlite3 FILE .recover) and put back")
}

// checkIndex guards the file system against the names that come with records.
func checkIndex(name string) error {
	if name == "" || len(name) > 200 || name == "." || name == ".." {
		return fmt.Errorf("index name %.60q: expected 1 to 200 characters", name)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return fmt.Errorf("index name %.60q: has %q, expected only a-z, 0-9, '.', '_' and '-'", name, c)
		}
	}
	return nil
}

// globQuote escapes what filepath.Glob would read as a pattern.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
