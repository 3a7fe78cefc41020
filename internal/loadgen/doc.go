// Package loadgen makes numbered Heka records, sends them at a chosen rate and
// can read them back from the search API, to say exactly which are missing and
// which are there twice.
//
// A record is a pure function of the seed and its number: two runs with the same
// seed and start time send the same bytes, whatever the number of connections.
// Its payload starts with the run and the number, so that any far end can be
// checked:
//
//	lg7f3a91c2 n 000000001041 GET /api/v1/orders …
//
// Sending must cost little beside receiving: BenchmarkSend tells how much.
//
// Damaged and oversized records take a number too, but are made so that no
// neighbour is lost with them; they are left out of what must arrive.
package loadgen
