package ledger

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Block is the settlement of one stored message, in records. Already and
// Repaired are parts of Delivered; Records is Delivered + Filtered + Dead.
type Block struct {
	Sequence  uint64
	Records   uint64
	Delivered uint64
	Already   uint64
	Filtered  uint64
	Repaired  uint64
	Dead      uint64
}

// Message is the body of a settlement message. Moved names dead letters, by
// position "SEQ.INDEX", that a replay has delivered.
type Message struct {
	Blocks []Block
	Moved  []string
}

// Append appends the body as JSON, in the form
//
//	{"blocks":[[seq,records,delivered,already,filtered,repaired,dead],…],"moved":["SEQ.INDEX",…]}
func (m *Message) Append(dst []byte) []byte {
	dst = append(dst, `{"blocks":[`...)
	for i, b := range m.Blocks {
		if i > 0 {
			dst = append(dst, ',')
		}
		for j, n := range b.numbers() {
			dst = append(dst, "[,,,,,,"[j])
			dst = strconv.AppendUint(dst, n, 10)
		}
		dst = append(dst, ']')
	}
	dst = append(dst, `],"moved":[`...)
	for i, position := range m.Moved {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendQuoteToASCII(dst, position)
	}
	return append(dst, "]}"...)
}

// Parse reads a settlement message's body. Numbers beyond the seven known ones
// are ignored, missing ones are an error.
func Parse(body []byte) (Message, error) {
	var raw struct {
		Blocks [][]uint64
		Moved  []string
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return Message{}, fmt.Errorf("settlement of %d bytes: %w", len(body), err)
	}
	m := Message{Blocks: make([]Block, len(raw.Blocks)), Moved: raw.Moved}
	for i, n := range raw.Blocks {
		if len(n) < len(Block{}.numbers()) {
			return Message{}, fmt.Errorf("settlement of %d bytes: block %d has %d numbers, want %d",
				len(body), i, len(n), len(Block{}.numbers()))
		}
		m.Blocks[i] = Block{n[0], n[1], n[2], n[3], n[4], n[5], n[6]}
	}
	return m, nil
}

func (b Block) numbers() [7]uint64 {
	return [7]uint64{b.Sequence, b.Records, b.Delivered, b.Already, b.Filtered, b.Repaired, b.Dead}
}

// ParsePosition reads "SEQ.INDEX", the place of a record in a stream.
func ParsePosition(position string) (sequence uint64, index int, err error) {
	seq, in, ok := strings.Cut(position, ".")
	if ok {
		if sequence, err = strconv.ParseUint(seq, 10, 63); err == nil {
			index, err = strconv.Atoi(in)
		}
	}
	if !ok || err != nil || sequence == 0 || index < 0 {
		return 0, 0, fmt.Errorf("position %.60q: want SEQ.INDEX, such as 1234.0", position)
	}
	return sequence, index, nil
}
