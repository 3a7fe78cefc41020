// Package receiver takes Heka messages in, over TCP and HTTP, and appends those
// that are valid and wanted to the stream's open block.
//
// What a client is promised:
//
//   - HTTP 200 means: every record of the request is stored in the stream, or the
//     match spec asked to drop it (Lm-Stored and Lm-Filtered say how many). 4xx
//     means: nothing of the request was stored, and the answer says why and
//     where. 503 means: unknown; repeat the request after Retry-After. Records
//     that carry a uuid become one again at the sink.
//   - TCP has no acknowledgement (it is Heka's protocol). A record is ours when
//     its last byte is read. While the stream takes nothing, nothing is read, so
//     the pressure reaches the client instead of losing records. Bytes that are
//     no frame are skipped and counted, and the connection stays.
//
// A record passes, in this order: size limit, framing (Heka stream framing),
// decoding, validity, signature, match spec. What becomes of it is counted; at
// any moment received = stored + filtered + refused + in flight.
//
//	intake.go   the verdict over a record; knows no sockets
//	tcp.go      the TCP front end, conn.go one connection of it
//	http.go     the HTTP front end, body.go how it holds request bodies,
//	            plain.go the short way of the usual request
//	listen.go   what both listeners share: connection limit, TLS
//	config.go   settings; metrics.go counters; buffer.go memory
//
// How frames reach the stream is the publisher's business; this package declares
// the Publisher it needs.
package receiver
