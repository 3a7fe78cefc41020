package encode

import (
	"bytes"
	"hash/maphash"
	"slices"
	"sync"

	"lagermeister/heka"
)

// fieldSet is the dynamic fields of one message, those with the same key joined
// into a chain, so that a repeated name becomes one member with all its values.
// It is scratch space, kept in a pool.
type fieldSet struct {
	fields []heka.Field
	keys   [][]byte // escaped, without quotes and "heka."
	next   []int    // the next field with the same key, or -1
	repeat []bool   // whether an earlier field has the same key
	buf    []byte   // holds the keys that are not simply the name
	table  []int    // by hash of the key: 1 + the last field that has it, or 0
}

var (
	fieldSets = sync.Pool{New: func() any { return new(fieldSet) }}
	seed      = maphash.MakeSeed()
)

// fewFields is up to how many fields their names are compared one by one.
const fewFields = 16

// appendECSFields appends the wanted dynamic fields, each key once, where it
// stands first in the message. Nearly all messages have few fields, whose names
// differ and are keys as they are; they are written as they are read.
func (e *Encoder) appendECSFields(dst []byte, m *heka.Message) []byte {
	var names [fewFields][]byte
	start, n := len(dst), 0
	for i := range m.NumFields() {
		f := m.Field(i)
		if !e.wanted(f.Name) {
			continue
		}
		if n == len(names) || !plainKey(f.Name) || contains(names[:n], f.Name) {
			return e.appendJoined(dst[:start], m)
		}
		names[n] = f.Name
		n++
		dst = append(append(dst, `,"heka.`...), f.Name...)
		dst = appendECSValues(append(dst, `":`...), &f)
	}
	return dst
}

func contains(names [][]byte, name []byte) bool {
	for _, known := range names {
		if string(known) == string(name) {
			return true
		}
	}
	return false
}

// appendECSValues appends the values of one field: null for none, a scalar for
// one, an array for more.
func appendECSValues(dst []byte, f *heka.Field) []byte {
	start, n := len(dst), 0
	for _, v := range f.Values() {
		switch n {
		case 0:
		case 1: // now it is an array
			dst = append(slices.Insert(dst, start, '['), ',')
		default:
			dst = append(dst, ',')
		}
		dst = appendECSValue(dst, f.Type, v)
		n++
	}
	switch n {
	case 0:
		return append(dst, "null"...)
	case 1:
		return dst
	}
	return append(dst, ']')
}

// appendJoined is appendECSFields for any fields, by way of a fieldSet.
func (e *Encoder) appendJoined(dst []byte, m *heka.Message) []byte {
	s := fieldSets.Get().(*fieldSet)
	for i := range m.NumFields() {
		if f := m.Field(i); e.wanted(f.Name) {
			s.add(f)
		}
	}
	s.link()
	for i := range s.fields {
		if s.repeat[i] {
			continue
		}
		dst = append(dst, `,"heka.`...)
		dst = append(dst, s.keys[i]...)
		dst = s.appendValues(append(dst, `":`...), i)
	}
	s.reset()
	fieldSets.Put(s)
	return dst
}

// add takes one field. A key made in buf keeps pointing to its bytes when buf
// grows and moves, since those are never written again.
func (s *fieldSet) add(f heka.Field) {
	key := f.Name
	if !plainKey(key) {
		start := len(s.buf)
		s.buf = appendKey(s.buf, key)
		key = s.buf[start:len(s.buf):len(s.buf)]
	}
	s.fields = append(s.fields, f)
	s.keys = append(s.keys, key)
	s.next = append(s.next, -1)
	s.repeat = append(s.repeat, false)
}

// link joins fields with equal keys, by a hash table with linear probing at
// most half full. The hash is seeded, so nobody can choose names that collide.
func (s *fieldSet) link() {
	size := 4
	for size < 2*len(s.keys) {
		size *= 2
	}
	s.table = slices.Grow(s.table[:0], size)[:size]
	clear(s.table)
	for i, key := range s.keys {
		slot := int(maphash.Bytes(seed, key)) & (size - 1)
		for ; s.table[slot] != 0; slot = (slot + 1) & (size - 1) {
			if j := s.table[slot] - 1; bytes.Equal(s.keys[j], key) {
				s.next[j], s.repeat[i] = i, true
				break
			}
		}
		s.table[slot] = i + 1
	}
}

// appendValues appends the values of field i and of those that repeat its name:
// null for none, a scalar for one, an array for more.
func (s *fieldSet) appendValues(dst []byte, i int) []byte {
	start, n := len(dst), 0
	dst = append(dst, '[')
	for ; i >= 0; i = s.next[i] {
		f := &s.fields[i]
		for _, v := range f.Values() {
			if n > 0 {
				dst = append(dst, ',')
			}
			dst = appendECSValue(dst, f.Type, v)
			n++
		}
	}
	switch n {
	case 0:
		return append(dst[:start], "null"...)
	case 1: // close the gap the bracket left
		return append(dst[:start], dst[start+1:]...)
	}
	return append(dst, ']')
}

// reset forgets the message, so that the pool keeps none alive.
func (s *fieldSet) reset() {
	clear(s.fields)
	clear(s.keys)
	s.fields, s.keys, s.next, s.repeat, s.buf = s.fields[:0], s.keys[:0], s.next[:0], s.repeat[:0], s.buf[:0]
}
