package ledger

import (
	"math"
	"strconv"
	"testing"
)

// Otherwise one message with the largest epoch there is would make all that the
// group's members report from then on count for nothing.
func TestASettlementOfAGroupThatIsMadeLaterIsPassedOver(t *testing.T) {
	t.Parallel()
	ctx, js, kv := open(t)
	for i, epoch := range []string{"9", strconv.FormatInt(math.MaxInt64, 10), "-1", "", "x", "9"} {
		sequence := uint64(i + 1)
		publish(t, ctx, js, "g", epoch, Message{Blocks: []Block{{Sequence: sequence, Records: 1, Delivered: 1}}})
	}
	folder := Folder{Stream: "main", Group: "g", Epoch: 9, Baseline: 1, JS: js, KV: kv}
	state, err := folder.Fold(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if state.Epoch != 9 || state.Sums.Delivered != 2 || left(t, ctx, js) != 0 {
		t.Errorf("epoch %d, %d delivered, %d messages left; want 9, 2 and 0", state.Epoch, state.Sums.Delivered, left(t, ctx, js))
	}
}
