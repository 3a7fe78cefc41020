package searchstore

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
)

func (s *Store) retainEveryMinute() {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.retain(now)
		case <-s.stop:
			return
		}
	}
}

// disk is what the retention looks at.
type disk struct {
	free  int64
	files []fileOnDisk // least recently written first
}

type fileOnDisk struct {
	*file
	bytes   int64 // with its log
	written time.Time
}

// retain removes whole files, oldest first: those too old, then as many as the
// limits of size and of free space ask for; for these two the newest file stays.
// Then it decides whether writes are accepted.
//
// A file's age counts from when it was last written to, not from the dates of
// its events: records that are sent late, or whose clock was wrong, stay as long
// as all others.
func (s *Store) retain(now time.Time) {
	s.retaining.Lock()
	defer s.retaining.Unlock()
	s.looked = now
	d, err := s.measure()
	if err != nil {
		s.log.WithError(err).Warn("search store cannot tell how much space is used, nothing is removed")
		return
	}
	var total int64
	for _, f := range d.files {
		total += f.bytes
	}
	for i, f := range d.files {
		var why string
		switch {
		case s.cfg.MaxAge > 0 && now.Sub(f.written) > s.cfg.MaxAge:
			why = "age"
		case i == len(d.files)-1:
		case s.cfg.MaxBytes > 0 && total > s.cfg.MaxBytes:
			why = "size"
		case d.free < s.cfg.MinFree:
			why = "free space"
		}
		if why == "" {
			break // the next ones are newer
		}
		if err := s.remove(f.file); err != nil {
			s.log.WithError(err).WithField("index", f.name).Error("search store file cannot be removed")
			continue
		}
		total -= f.bytes
		d.free += f.bytes
		s.log.WithFields(logrus.Fields{"index": f.name, "bytes": f.bytes, "records": f.held().rows, "reason": why,
			"written": f.written.Format(time.RFC3339)}).Info("search store file removed")
	}
	s.judgeSpaceLocked()
}

// room returns nil when there is space to write, or why writes are refused. It
// runs the retention when space ends, at most once a second.
func (s *Store) room() error {
	s.retaining.Lock()
	s.judgeSpaceLocked()
	full, due := s.full, time.Since(s.looked) > time.Second
	s.retaining.Unlock()
	if full == nil || !due {
		return full
	}
	s.retain(time.Now())
	s.retaining.Lock()
	defer s.retaining.Unlock()
	return s.full
}

// judgeSpaceLocked decides whether writes are accepted, and logs when that
// changes.
func (s *Store) judgeSpaceLocked() {
	free, err := freeSpace(s.cfg.Dir)
	before := s.full
	switch {
	case err != nil:
		s.full = nil // the write itself will tell
	case free < s.cfg.MinFree:
		s.full = fmt.Errorf("%d bytes are free where %s is, %d are kept free (STORE_MIN_FREE): make room or lower the limit",
			free, s.cfg.Dir, s.cfg.MinFree)
	default:
		s.full = nil
	}
	switch {
	case s.full != nil && before == nil:
		s.log.WithError(s.full).Error("search store refuses writes, records wait in the stream")
	case s.full == nil && before != nil:
		s.log.Info("search store accepts writes again")
	}
}

func (s *Store) measure() (d disk, err error) {
	if d.free, err = freeSpace(s.cfg.Dir); err != nil {
		return d, err
	}
	for _, f := range s.all() {
		one := fileOnDisk{file: f}
		for _, part := range []string{"", "-wal"} {
			info, err := os.Stat(f.path + part)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return d, err
			}
			one.bytes += info.Size()
			if info.ModTime().After(one.written) {
				one.written = info.ModTime()
			}
		}
		d.files = append(d.files, one)
	}
	slices.SortStableFunc(d.files, func(a, b fileOnDisk) int {
		return cmp.Or(a.written.Compare(b.written), cmp.Compare(a.held().max, b.held().max))
	})
	return d, nil
}

// remove deletes a file once nobody uses it any more.
func (s *Store) remove(f *file) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.forgetLocked(f) {
		return nil
	}
	err := f.close()
	for _, part := range []string{"", "-wal", "-shm"} {
		if e := os.Remove(f.path + part); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}
