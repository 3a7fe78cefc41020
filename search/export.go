package search

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"lagermeister/heka/matcher"
)

// Bounds of an export.
const (
	MaxExport    = 10_000          // records
	maxExporting = 2               // exports at a time
	exportFor    = 2 * time.Minute // of one
	exportSlow   = 30 * time.Second
)

// exportComplete is the HTTP trailer that says whether an export has all records:
// true, or false, and then the last line says why.
const exportComplete = "Lm-Export-Complete"

// rowWriter writes an export in one format.
type rowWriter interface {
	row(r *Record) error
	note(text string) error // the last line of what is not complete
	flush() error
}

// exportHandler streams records, see Handlers.
func exportHandler(store Store) http.Handler {
	places := make(gate, maxExporting)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !isGet(w, r) || !places.enter(w, r) {
			return
		}
		defer places.leave()
		ctx, cancel := context.WithTimeout(r.Context(), exportFor)
		defer cancel()
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(exportFor + exportSlow)) // what cannot be set stays as it is
		request, rows, format, err := exportRequest(r.URL.RawQuery)
		var first Answer
		if err == nil {
			first, err = store.Search(ctx, request)
		}
		if err != nil {
			status, p := problemOf(err)
			write(w, status, p)
			return
		}
		head := w.Header()
		head.Set("Content-Type", map[string]string{"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}[format])
		head.Set("Content-Disposition", `attachment; filename="lagermeister-`+time.Now().UTC().Format("20060102T150405Z")+"."+format+`"`)
		head.Set("Trailer", exportComplete)
		if r.Method == http.MethodHead {
			return
		}
		out := rowWriter(ndjson{json.NewEncoder(w)})
		if format == "csv" {
			out = newTable(w)
		}
		complete, err := export(ctx, store, request, first, rows, out, func() { _ = http.NewResponseController(w).Flush() })
		if err != nil {
			panic(http.ErrAbortHandler) // the asker is gone
		}
		head.Set(exportComplete, fmt.Sprint(complete))
	})
}

// exportRequest reads the parameters. limit is that of the whole export.
func exportRequest(query string) (r Request, rows int, format string, err error) {
	values, err := parseQuery(query, append(slices.Clone(parameters), "format"))
	if err != nil {
		return r, 0, "", err
	}
	if rows, err = number(values, "limit", MaxExport); err != nil {
		return r, 0, "", err
	}
	if rows == 0 {
		rows = MaxExport
	}
	switch format = values.Get("format"); format {
	case "":
		format = "ndjson"
	case "ndjson", "csv":
	default:
		return r, 0, "", &ParameterError{Parameter: "format", Reason: fmt.Sprintf("%.60q is neither ndjson nor csv", format)}
	}
	rest := url.Values{}
	for _, name := range parameters {
		if name != "limit" && values.Has(name) {
			rest.Set(name, values.Get(name))
		}
	}
	r, err = ParseRequest(rest.Encode())
	r.Limit = min(rows, MaxLimit)
	return r, rows, format, err
}

// export writes the first page and those behind it, until there are rows records.
// The error is that of writing; one of the store is a note in what is written.
func export(ctx context.Context, store Store, r Request, page Answer, rows int, out rowWriter, flush func()) (complete bool, err error) {
	for n := 0; ; {
		for i := range page.Records {
			if err := out.row(&page.Records[i]); err != nil {
				return false, err
			}
			n++
		}
		var note string
		switch {
		case page.Next == "":
			return true, out.flush()
		case n >= rows:
			note = fmt.Sprintf("stopped at %d records; there may be more: narrow the question, or go on with cursor=%s", n, page.Next)
		case ctx.Err() != nil:
			note = fmt.Sprintf("stopped after %v with %d records; go on with cursor=%s", exportFor, n, page.Next)
		default:
			if err := out.flush(); err != nil {
				return false, err
			}
			flush()
			r.Cursor, r.Limit = page.Next, min(rows-n, MaxLimit)
			var failed error
			if page, failed = store.Search(ctx, r); failed != nil {
				note = fmt.Sprintf("stopped after %d records: %v; go on with cursor=%s", n, failed, r.Cursor)
			}
		}
		if note != "" {
			if err := out.note(note); err != nil {
				return false, err
			}
			return false, out.flush()
		}
	}
}

// ndjson writes a Record a line; a note is an object with the member "note".
type ndjson struct{ *json.Encoder }

func (j ndjson) row(r *Record) error    { return j.Encode(r) }
func (j ndjson) note(text string) error { return j.Encode(map[string]string{"note": text}) }
func (j ndjson) flush() error           { return nil }

// table writes CSV (RFC 4180) with a line of names. A note stands in the first
// column.
//
// What a spreadsheet would take for a formula gets an apostrophe in front.
type table struct{ *csv.Writer }

// tableColumns are the headers in the order of the columns; position, id and all
// dynamic fields, as one JSON object, follow.
var tableColumns = []struct {
	name string
	v    matcher.Var
}{
	{"time", matcher.VarTimestamp}, {"severity", matcher.VarSeverity}, {"hostname", matcher.VarHostname}, {"logger", matcher.VarLogger}, {"type", matcher.VarType},
	{"payload", matcher.VarPayload}, {"pid", matcher.VarPid}, {"env_version", matcher.VarEnvVersion}, {"uuid", matcher.VarUUID},
}

func newTable(w io.Writer) table {
	t := table{csv.NewWriter(w)}
	t.UseCRLF = true
	var names []string
	for _, c := range tableColumns {
		names = append(names, c.name)
	}
	_ = t.Write(append(names, "position", "id", "fields")) // it is buffered
	return t
}

func (t table) row(r *Record) error {
	all := readMembers(r.Doc)
	var cells []string
	for _, c := range tableColumns {
		var text string
		if raw := all.get(documentFields[c.v]); raw != nil && json.Unmarshal(raw, &text) != nil {
			text = string(raw) // a number
		}
		cells = append(cells, harmless(text))
	}
	fields := map[string]json.RawMessage{}
	for key := range maps.Keys(all) {
		if name, ok := strings.CutPrefix(strings.TrimPrefix(key, "unmapped."), documentFields[matcher.VarField]); ok {
			fields[name] = all[key]
		}
	}
	list, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return t.Write(append(cells, harmless(r.Position), harmless(r.ID), harmless(string(list))))
}

func (t table) note(text string) error { return t.Write([]string{harmless("# " + text)}) }

func (t table) flush() error {
	t.Flush()
	return t.Error()
}

// harmless is a text that no spreadsheet takes for a formula.
func harmless(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return strings.ContainsRune("=+-@\t\r\n＝＋－＠", r) }) == 0 {
		return "'" + text
	}
	if trimmed := strings.TrimLeft(text, " \u00a0\u3000\x00"); trimmed != text && harmless(trimmed) != trimmed {
		return "'" + text
	}
	return text
}
