package loadgen

import (
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
)

// dice are the random numbers of one record. They lie on the stack, which a
// rand.Rand does not.
type dice struct{ rand.PCG }

func (s *Source) dice(n uint64) (d dice) {
	d.Seed(s.Seed, n)
	return d
}

// float is at least 0 and less than 1.
func (d *dice) float() float64 { return float64(d.Uint64()>>11) / (1 << 53) }

// below is at least 0 and less than n.
func (d *dice) below(n int) int {
	high, _ := bits.Mul64(d.Uint64(), uint64(n))
	return int(high)
}

// normal has mean 0 and deviation 1.
func (d *dice) normal() float64 {
	return math.Sqrt(-2*math.Log(1-d.float())) * math.Cos(2*math.Pi*d.float())
}

// appendUUID appends a version 4 UUID.
func (d *dice) appendUUID(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, d.Uint64()&^0xf000|0x4000)
	return binary.BigEndian.AppendUint64(dst, d.Uint64()>>2|1<<63)
}
