// Package ledger keeps account of what became of every stored record, per group
// of subscribers.
//
// The unit of settlement is the block, one stored message:
//
//	(group, epoch, sequence) → records, delivered, already, filtered, repaired, dead
//
// A Sender publishes settlements to the stream LM_LEDGER; a block may be
// acknowledged to its consumer only after the stream has stored its settlement.
// A Folder adds what is in LM_LEDGER up into one small State per group, kept in
// the KV bucket LM_STATE, and removes what it has added.
//
// The promise: a block counts once. Settlements may be repeated, by a resend or
// by another member after a crash; the first one of a sequence wins. The same
// holds for folding, which any number of programs may do at the same time.
//
// The formats are described in docs/wire-format.md, "Settlements".
package ledger

// MaxBlocks is how many blocks one settlement message holds at most.
const MaxBlocks = 4096
