package heka

import (
	"encoding/binary"
	"iter"
	"math"
)

// ValueType names the one list of a field that counts.
type ValueType int32

// The types of values. A field may carry any other number; it then has no values.
const (
	StringType  ValueType = 0
	BytesType   ValueType = 1
	IntegerType ValueType = 2
	DoubleType  ValueType = 3
	BoolType    ValueType = 4
)

// The tags of a field's members. Lists of numbers come packed or one by one.
const (
	tagName           = 1<<3 | wireBytes
	tagValueType      = 2<<3 | wireVarint
	tagRepresentation = 3<<3 | wireBytes
	tagStrings        = 4<<3 | wireBytes
	tagBytes          = 5<<3 | wireBytes
	tagIntegers       = 6<<3 | wireBytes
	tagInteger        = 6<<3 | wireVarint
	tagDoubles        = 7<<3 | wireBytes
	tagDouble         = 7<<3 | wireFixed64
	tagBools          = 8<<3 | wireBytes
	tagBool           = 8<<3 | wireVarint

	lastFieldMember = 8
)

// Field is a view of one field: a name and a list of values of one type. As in
// Heka, damage ends a field where it starts: what stands before it counts, so a
// field may lack its name, its values, or the last ones of them.
type Field struct {
	Name           []byte    // nil when absent
	Type           ValueType // StringType when absent
	HasType        bool
	Representation []byte // nil when absent; free text such as "count", "B", "ms"

	values []byte // the members from the first value on
}

// Value is one value of a field; Field.Type says which member holds it.
type Value struct {
	Bytes  []byte // StringType and BytesType; never nil then
	Int    int64
	Double float64
	Bool   bool
}

func parseField(raw []byte) (f Field) {
	for i := 0; i < len(raw); {
		tag, start, end := member(raw, i)
		if end < 0 {
			break
		}
		switch tag {
		case tagName:
			f.Name = raw[start:end:end]
		case tagValueType:
			v, _ := uvarint(raw, start)
			f.Type, f.HasType = ValueType(v), true
		case tagRepresentation:
			f.Representation = raw[start:end:end]
		default:
			if f.values == nil {
				f.values = raw[i:]
			}
		}
		i = end
	}
	return f
}

// member finds the member of a field whose tag stands at raw[i]. raw[start:end]
// is its content, without a length, and the next member begins at end. end is
// -1 when the field cannot be read further.
func member(raw []byte, i int) (tag uint64, start, end int) {
	if tag = uint64(raw[i]); tag < 0x80 {
		start = i + 1
	} else if tag, start = tagAt(raw, i); start < 0 {
		return tag, start, -1
	}
	switch tag {
	case tagName, tagRepresentation, tagStrings, tagBytes:
		start, end = span(raw, start)
	case tagValueType, tagInteger, tagBool:
		_, end = uvarint(raw, start)
	case tagDouble:
		if end = start + 8; end > len(raw) {
			end = -1
		}
	case tagIntegers, tagBools:
		// Heka reads the last number of a packed list to its own end, even
		// beyond the end of the list.
		if start, end = span(raw, start); end > start {
			for raw[end-1] >= 0x80 && end < len(raw) {
				end++
			}
		}
	case tagDoubles:
		if start, end = span(raw, start); end > start {
			end = min(start+(end-start+7)/8*8, len(raw))
		}
	default:
		if n := tag >> 3; n >= 1 && n <= lastFieldMember {
			return tag, start, -1
		}
		end, _ = skip(raw, start, tag&7)
	}
	return tag, start, end
}

// Values yields the values of the field's type with their index, in the order of
// the wire, however their lists are packed or split. Bytes share the memory of
// the message.
func (f *Field) Values() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) { f.each(yield) }
}

func (f *Field) each(yield func(int, Value) bool) {
	n := 0
	for i := 0; i < len(f.values); {
		tag, start, end := member(f.values, i)
		if end < 0 {
			return
		}
		i = end
		list := f.values[start:end:end]
		switch {
		case f.Type == StringType && tag == tagStrings, f.Type == BytesType && tag == tagBytes:
			if !yield(n, Value{Bytes: list}) {
				return
			}
			n++
		case f.Type == IntegerType && tag>>3 == tagInteger>>3, f.Type == BoolType && tag>>3 == tagBool>>3:
			for j := 0; j < len(list); {
				var v uint64
				if v, j = uvarint(list, j); j < 0 {
					return
				}
				value := Value{Int: int64(v)}
				if f.Type == BoolType {
					value = Value{Bool: v != 0}
				}
				if !yield(n, value) {
					return
				}
				n++
			}
		case f.Type == DoubleType && tag>>3 == tagDouble>>3:
			for ; len(list) >= 8; list = list[8:] {
				if !yield(n, Value{Double: math.Float64frombits(binary.LittleEndian.Uint64(list))}) {
					return
				}
				n++
			}
		}
	}
}

// Value returns value i of the field's type, and false when there is none.
func (f *Field) Value(i int) (v Value, ok bool) {
	f.each(func(n int, each Value) bool {
		v, ok = each, n == i
		return !ok
	})
	if !ok {
		return Value{}, false
	}
	return v, true
}

// Len counts the values of the field's type.
func (f *Field) Len() (n int) {
	f.each(func(int, Value) bool { n++; return true })
	return n
}
