package program

import (
	"fmt"
	"slices"
	"strings"
)

// retired are variables of the first Lagermeister that are accepted and have no
// effect; the name is what follows the prefix.
var retired = map[string]string{
	"CLIENT_ID":                      "the connection is named after the program and its group",
	"CLUSTER_ID":                     "JetStream has no cluster id",
	"CONNECT_HOLD_DOWN":              "the connection backs off by itself",
	"TCPRCVR_LISTEN_COUNT":           "one listener serves all connections",
	"TCPRCVR_METRICREPORTER_NATSURL": "it never had an effect",
	"UI_LISTEN_ADDR":                 "the dashboard is served by stats_proxy",
}

// common are prefixes that other software uses too: there, a variable that
// resembles none of ours is most likely not meant for us.
var common = []string{"SUB", "GEN", "PROXY"}

// unknown looks for variables under the prefixes of parts that name no setting.
// One that looks like a typing error is an error; retired ones, and strangers
// under a common prefix, are notes.
func unknown(environ []string, parts []Part) (notes []string, err error) {
	slices.Sort(environ)
	known := map[string]bool{}
	var names []string
	for _, part := range parts {
		for _, s := range part.Settings() {
			known[s.Name] = true
			names = append(names, s.Name)
			if s.Secret {
				known[s.Name+"_FILE"] = true
			}
		}
	}
	var idle []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if known[name] {
			continue
		}
		prefix := prefixOf(name, parts)
		if why, ok := isRetired(name, prefix); ok {
			idle = append(idle, fmt.Sprintf("%s (%s)", name, why))
			continue
		}
		if prefix == "" || fromKubernetes(name, value) {
			continue
		}
		near, distance := nearest(name, names)
		if slices.Contains(common, prefix) && distance > 2 {
			notes = append(notes, fmt.Sprintf("%s is not a variable of this program and is ignored", name))
			continue
		}
		return nil, &ConfigError{Name: name, Err: fmt.Errorf("unknown variable; did you mean %s? All are listed by --help", near)}
	}
	if len(idle) > 0 {
		notes = append([]string{"accepted and without effect: " + strings.Join(idle, ", ")}, notes...)
	}
	return notes, nil
}

// isRetired says why a variable of the first Lagermeister has no effect any more.
func isRetired(name, prefix string) (why string, ok bool) {
	if why, ok = retired[name]; ok {
		return why, ok
	}
	if prefix == "" {
		return "", false
	}
	why, ok = retired[strings.TrimPrefix(name, prefix+"_")]
	return why, ok
}

// prefixOf is the longest prefix of parts that name stands under, so that
// RCVR_X of one part is not taken for a variable of another.
func prefixOf(name string, parts []Part) string {
	longest := ""
	for _, part := range parts {
		if strings.HasPrefix(name, part.Prefix+"_") && len(part.Prefix) > len(longest) {
			longest = part.Prefix
		}
	}
	return longest
}

// fromKubernetes recognises what Kubernetes sets in every container for each
// service of the namespace: NAME_SERVICE_HOST, NAME_SERVICE_PORT…, NAME_PORT….
func fromKubernetes(name, value string) bool {
	if strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") {
		return true
	}
	if !strings.HasSuffix(name, "_PORT") && !strings.Contains(name, "_PORT_") {
		return false
	}
	for _, suffix := range []string{"_PROTO", "_ADDR", "_PORT"} { // parts of a NAME_PORT_35000_TCP entry
		if strings.Contains(name, "_TCP"+suffix) || strings.Contains(name, "_UDP"+suffix) {
			return true
		}
	}
	return strings.HasPrefix(value, "tcp://") || strings.HasPrefix(value, "udp://")
}

// nearest is the name with the fewest edits to get from it to name, and their number.
func nearest(name string, names []string) (near string, distance int) {
	for _, candidate := range names {
		if d := edits(name, candidate); near == "" || d < distance {
			near, distance = candidate, d
		}
	}
	return near, distance
}

// edits is the Levenshtein distance between a and b, in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
