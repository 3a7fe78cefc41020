package heka

import (
	"encoding/binary"
	"math"
)

// Draft builds messages without reflection, for generators and tests. Append
// writes numbers always and leaves out a nil UUID and strings that are empty; a
// message that needs another shape is built with hekapb.
type Draft struct {
	UUID       []byte
	Timestamp  int64 // nanoseconds since 1970
	Type       string
	Logger     string
	Severity   int32 // 0 is emergency; DefaultSeverity is what an absent one means
	Payload    string
	EnvVersion string
	Pid        int32
	Hostname   string
	Fields     []DraftField
}

// DraftField is a field to be written: of the lists, the one that Type names.
type DraftField struct {
	Name           string
	Type           ValueType
	Representation string
	Strings        []string
	Bytes          [][]byte
	Integers       []int64
	Doubles        []float64
	Bools          []bool
}

// Append appends the message in the order and form of Heka's encoder.
func (d *Draft) Append(dst []byte) []byte {
	if d.UUID != nil {
		dst = appendTagged(dst, tagUUID, d.UUID)
	}
	dst = appendNumber(dst, tagTimestamp, uint64(d.Timestamp))
	dst = appendText(dst, tagType, d.Type)
	dst = appendText(dst, tagLogger, d.Logger)
	dst = appendNumber(dst, tagSeverity, uint64(uint32(d.Severity)))
	dst = appendText(dst, tagPayload, d.Payload)
	dst = appendText(dst, tagEnvVersion, d.EnvVersion)
	dst = appendNumber(dst, tagPid, uint64(uint32(d.Pid)))
	dst = appendText(dst, tagHostname, d.Hostname)
	for i := range d.Fields {
		dst = append(dst, tagFields)
		dst = appendSized(dst, d.Fields[i].append)
	}
	return dst
}

func (f *DraftField) append(dst []byte) []byte {
	dst = appendTagged(dst, tagName, f.Name)
	dst = appendNumber(dst, tagValueType, uint64(uint32(f.Type)))
	dst = appendText(dst, tagRepresentation, f.Representation)
	switch f.Type {
	case StringType:
		for _, v := range f.Strings {
			dst = appendTagged(dst, tagStrings, v)
		}
	case BytesType:
		for _, v := range f.Bytes {
			dst = appendTagged(dst, tagBytes, v)
		}
	case IntegerType:
		if len(f.Integers) > 0 {
			dst = appendSized(append(dst, tagIntegers), func(dst []byte) []byte {
				for _, v := range f.Integers {
					dst = binary.AppendUvarint(dst, uint64(v))
				}
				return dst
			})
		}
	case DoubleType:
		if len(f.Doubles) > 0 {
			dst = binary.AppendUvarint(append(dst, tagDoubles), uint64(8*len(f.Doubles)))
			for _, v := range f.Doubles {
				dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
			}
		}
	case BoolType:
		if len(f.Bools) > 0 {
			dst = binary.AppendUvarint(append(dst, tagBools), uint64(len(f.Bools)))
			for _, v := range f.Bools {
				var b byte
				if v {
					b = 1
				}
				dst = append(dst, b)
			}
		}
	}
	return dst
}

func appendText(dst []byte, tag byte, s string) []byte {
	if s == "" {
		return dst
	}
	return appendTagged(dst, tag, s)
}

// appendSized appends what content appends, with its length in front. One byte
// is kept free for the length; longer content is moved up.
func appendSized(dst []byte, content func([]byte) []byte) []byte {
	at := len(dst) + 1
	dst = content(append(dst, 0))
	n := len(dst) - at
	if n < 0x80 {
		dst[at-1] = byte(n)
		return dst
	}
	var length [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(length[:], uint64(n))
	dst = append(dst, length[1:size]...) // room only
	copy(dst[at-1+size:], dst[at:at+n])
	copy(dst[at-1:], length[:size])
	return dst
}
