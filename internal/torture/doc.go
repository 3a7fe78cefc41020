// Package torture runs the real programs as processes on loopback, around a
// NATS cluster of three, hurts them in every way that one machine can, and then
// demands that nothing was lost, doubled, damaged or invented.
//
// What is owed, and therefore demanded:
//
//   - a record whose HTTP request was answered 200;
//   - a record sent over a TCP connection that we closed for writing after its last
//     byte and that the receiver then closed too, which it does once it has handed
//     on all it read, provided that this same process later said that it had nothing
//     in flight, or ended by SIGTERM with code 0, neither before the connection was
//     over. A process that is killed in between had records nobody was promised.
//
// An owed record must be exactly once at the bulk sink, where a document is an
// index and an id, and at least once at the sink of whole batches, with the
// payload, host name and uuid it was sent with. A few records are poison: the bulk
// sink refuses them for good, and they must be exactly one dead letter each,
// or one for each time that a client repeated them.
// Records of unknown outcome (503, a cut connection) may be there, once: a client
// repeats only those that have a uuid, by which the repeats are one record.
// Records that a receiver must refuse may not be there.
//
// The schedule of faults is a pure function of the seed and the length. What the
// processes make of it is not: two runs of one seed differ in their interleaving.
package torture
