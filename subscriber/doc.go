// Package subscriber takes stored blocks from the stream and hands their records
// to a sink.
//
//	fetch ─▶ walk, match, id, index, encode ─▶ batch ─▶ post ─▶ outcome of each record
//	                                                                 │
//	          consumer ack ◀─ settlement stored ◀─ dead letters stored
//
// The promises:
//
//   - A block is acknowledged when each of its records has one outcome:
//     delivered, filtered or dead-lettered. The order is: the sink's answer, the
//     stored dead letters, the stored settlement, the consumer's ack. A crash
//     at any point only repeats the later steps.
//   - No record stops its neighbours: what the sink refuses for good becomes a
//     dead letter, everything else is tried for ever.
//   - A sink that is not itself (forbidden, misconfigured, refusing most of what
//     it gets) pauses delivery, loudly. The stream keeps the records meanwhile.
//   - What a member holds is bounded in bytes, and goes back to its group at once
//     when the member stops.
//
// Who owns what: a source fetches the blocks of one stream; the assembler, one
// goroutine, turns them into batches; the deliverer has one goroutine for each
// batch on its way; held knows every block from its arrival to its ack. A block
// counts its own records down and settles when none is left.
package subscriber
