// Package searchstore keeps delivered records in SQLite files and finds them
// again: the store of local_relay, for when there is no Elasticsearch.
//
// It takes records as Elasticsearch does, over _bulk, so the same sink serves
// both, and answers searches as a search.Store. There is one file an index,
// which with the usual pattern is one a day.
//
// What it promises:
//
//   - A record is answered 201 only when it is on the disk, fsynced; a crash at
//     any moment loses nothing that was answered, and the files open again.
//   - An id is stored once in an index; a repeat is answered 409.
//   - What is kept is the original frame, or the message that came without one.
//     The searchable columns and the word index only narrow a search; heka/matcher
//     decides on the message.
//   - A damaged file is put aside with a loud error; it stops nothing.
//   - Old files are removed whole, oldest first, by age, by size and before the
//     disk is full. When that does not help, writes are refused, as Elasticsearch
//     refuses them on a full disk.
//
// Files:
//
//	file.go       one SQLite file: schema, insertion, integrity
//	values.go     the dictionaries of header texts, which keep rows small and let
//	              most of a match spec be decided once for each text
//	words.go      what goes into the word index
//	item.go       one bulk item, checked and taken apart
//	bulk.go       the grammar of a _bulk body
//	handler.go    HTTP
//	narrow.go     a match spec as SQL that returns at least every match
//	search.go     pages, newest first, over all files
//	counts.go     facets and histograms in the index
//	tally.go      the SQL functions that count for them
//	around.go     one record by its id, and those beside it
//	retention.go  what is removed when
package searchstore
