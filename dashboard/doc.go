// Package dashboard is the window in the browser: live figures, the original's
// /messages and /config, and search.
//
//	GET  /                 the page, which is also /pipeline, /search, /tail, /dead,
//	                       /consumers and /settings
//	POST to any of them    exchanges a token for a cookie, for browsers
//	GET  /messages         websocket: up to 500 recent events, then each as it comes,
//	                       one text frame an event, unchanged
//	GET  /config           which senders of which metrics were seen, as the original
//	GET  /api/v2/boot      what the page must know first
//	GET  /api/v2/stream    websocket of all that moves; see package live
//	GET  /api/v2/series    the history behind it
//	GET  /api/v2/consumers what JetStream says of streams and groups; see package view
//	GET  /api/v2/programs  which programs run, since when, in which version
//	GET  /api/v2/search    see package search; facets, histogram, context, message
//	                       and export beside it too
//	GET  /logs             the same for who asks as LogFlow Insight does
//	GET  /api/v2/ledger    what became of every record, by stream and group
//	GET  /api/v2/status    version, and why the process is not ready, for the page
//	GET  /api/v2/settings  what the process runs with, for operators
//	GET  /api/v2/dead      dead letters, and below it; see package deadletter
//	POST /api/v2/dead/…    replay and drop, for operators
//	POST /api/v2/consumers/…  pause and resume of a group, for operators
//
// docs/api.yaml describes what is below /api/v2, and /logs.
//
// Who may look: without tokens whoever reaches the port, which is loopback only
// unless the settings say otherwise; with tokens who shows one of them, in
// "Authorization: Bearer", or in the cookie that signing in gives. A token is never
// taken from a URL, where logs would keep it. In no case does a page of another
// site get at anything: websockets and cross-origin reads are refused by their
// Origin, and requests under a foreign host name (DNS rebinding) by their Host.
//
// A viewer that reads too slowly is cut off; it is never waited for.
package dashboard
