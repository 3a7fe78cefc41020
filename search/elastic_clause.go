package search

import "strings"

// A clause is a query of the bool DSL that finds at least what a part of a spec
// wants. everything stands for what cannot be said.
type clause map[string]any

var (
	everything clause = nil
	nothing           = clause{"match_none": clause{}}
)

func (c clause) isNothing() bool { _, ok := c["match_none"]; return ok }

// allOf finds what all of the clauses find.
func allOf(list ...clause) clause {
	var filter []clause
	for _, c := range list {
		switch {
		case c == nil:
		case c.isNothing():
			return nothing
		default:
			filter = append(filter, c)
		}
	}
	switch len(filter) {
	case 0:
		return everything
	case 1:
		return filter[0]
	}
	return clause{"bool": clause{"filter": filter}}
}

// anyOf finds what any of the clauses finds.
func anyOf(list ...clause) clause {
	var should []clause
	for _, c := range list {
		switch {
		case c == nil:
			return everything
		case !c.isNothing():
			should = append(should, c)
		}
	}
	switch len(should) {
	case 0:
		return nothing
	case 1:
		return should[0]
	}
	return clause{"bool": clause{"should": should, "minimum_should_match": 1}}
}

func not(c clause) clause             { return clause{"bool": clause{"must_not": []clause{c}}} }
func exists(field string) clause      { return clause{"exists": clause{"field": field}} }
func absent(field string) clause      { return not(exists(field)) }
func term(field, value string) clause { return clause{"term": clause{field: clause{"value": value}}} }
func between(field string, bounds clause) clause {
	return clause{"range": clause{field: bounds}}
}

// contains finds values, or for a text field words, that hold the text.
func contains(field, text string) clause {
	return clause{"wildcard": clause{field: clause{"value": "*" + escapeWildcard.Replace(text) + "*"}}}
}

var escapeWildcard = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)
