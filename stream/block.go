package stream

import (
	"fmt"
	"strconv"
	"time"
)

// Whoever may publish to a stream may write anything into the headers of a block.
// What is read of them here is what the other programs may rely on.

// maxVisible is the longest message id or name taken for one, bytes. Ids of ours
// have about 35.
const maxVisible = 256

// newest is how far a block's cut may lie behind the time it was stored: clocks
// differ, but not by more than this.
const newest = 24 * time.Hour

// Origin is what names a block in the ids of its records: the message id; for a
// block without one, or with one that is not of 1 to 256 visible ASCII characters,
// a text made of where it is stored. created is the stream's creation, unix ns.
func Origin(messageID, stream string, created int64, sequence uint64) string {
	if PlainOrigin(messageID) {
		return messageID
	}
	return fmt.Sprintf("%s/%d/%d", stream, created, sequence)
}

// PlainOrigin says whether text can be an origin as it stands.
func PlainOrigin(text string) bool { return visible(text) }

// visible says whether text is of 1 to 256 visible ASCII characters, as our origins
// and names are.
func visible(text string) bool {
	if text == "" || len(text) > maxVisible {
		return false
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// CutTime is when a block was cut, by its header HeaderCut. The time it was stored
// stands in for a header that is missing, no number, not after 1970, or more than
// a day after that time.
func CutTime(header string, stored time.Time) time.Time {
	ms, err := strconv.ParseInt(header, 10, 64)
	if err != nil || ms <= 0 || ms > stored.Add(newest).UnixMilli() {
		return time.UnixMilli(stored.UnixMilli())
	}
	return time.UnixMilli(ms)
}

// RecordCount is how many records a block of size bytes holds by its header
// HeaderRecords; 0 when the header is missing, no number, or more than there is
// room for.
func RecordCount(header string, size int) uint64 {
	n, err := strconv.ParseUint(header, 10, 32)
	if err != nil || n > uint64(max(size, 1)) {
		return 0
	}
	return n
}
