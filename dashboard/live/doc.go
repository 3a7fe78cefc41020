// Package live is what moves in the dashboard: the history of every series that
// the programs report, and the websocket protocol lagermeister.v2 of
// /api/v2/stream, less the socket itself.
//
//	History  the last hour of every series by the second and six hours by ten
//	         seconds, in memory, bounded in series and bytes; it starts empty
//	Hub      repeats what is new to any number of clients, every 250 ms, evaluates
//	         live tails, and knows which processes run
//	Client   one viewer: what waits for it is bounded, and what is dropped is
//	         always told
//
// A frame to the client is a JSON array of messages, told apart by their member
// "t", at most four frames a second:
//
//	hello      {"now":ms,"ui":"…","role":"viewer|operator","began":ms}
//	m          {"seq":n,"now":ms,"d":[[second,sender,ip,type,value,warn|null,error|null],…]}
//	ledger     the books, as GET /api/v2/ledger
//	consumers  as GET /api/v2/consumers
//	programs   {"programs":[{"sender":"…","ip":"…","group":"…","version":"…","started":ms,
//	           "state":"running|silent|stopped","until":ms,"totals":{…},
//	           "failure":{…}},…]}, as GET /api/v2/programs
//	status     {"nats":"up|down","js":"up|down","since":ms,"err":"…","url":"…","not_ready":[…]}
//	gap        {"from":seq,"to":seq,"dropped":n|null}: these m were not sent; n values, null when
//	           that is not known
//	rows       {"id":1,"rows":[{"at":ms,"stream":"…","position":"12.3","doc":{ecs},"cut":true}…],
//	           "matched":n,"seen":n,"skipped":n,"missed_blocks":n}, counts since the rows before
//	err        {"id":1,"title":"…","detail":"…","offset":n,"excerpt":"…","expected":"…"}
//
// A value in m is that of the whole second so far and replaces what was told of
// it before. A frame of the client is one message, 4 KB at most:
//
//	sub    {"topics":["m","ledger","consumers","programs"],"resume":seq}  instead of the topics before
//	tail   {"id":1,"q":"match spec","text":"words","max":500}  one that does not parse leaves the tail as it was
//	untail {"id":1}
//	slow   {"on":true}  a frame every 5 s, and no rows
//
// The package knows no network: what it shows comes through Sources.
package live
