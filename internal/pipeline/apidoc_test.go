package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// apiDoc is docs/api.yaml.
type apiDoc struct {
	paths      map[string]map[string]any
	components map[string]any
}

func readAPIDoc(t *testing.T) *apiDoc {
	t.Helper()
	text, err := os.ReadFile("../../docs/api.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI    string                    `yaml:"openapi"`
		Paths      map[string]map[string]any `yaml:"paths"`
		Components map[string]any            `yaml:"components"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatalf("docs/api.yaml: %v", err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") || len(doc.Paths) == 0 {
		t.Fatalf("docs/api.yaml is OpenAPI %q with %d paths", doc.OpenAPI, len(doc.Paths))
	}
	return &apiDoc{doc.Paths, doc.Components}
}

// operations lists what is documented, as METHOD PATH.
func (d *apiDoc) operations() (list []string) {
	for path, methods := range d.paths {
		for method := range methods {
			list = append(list, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(list)
	return list
}

// answer is the schema of an answer, as it is documented for an operation.
func (d *apiDoc) answer(operation, status, kind string) (any, error) {
	method, path, _ := strings.Cut(operation, " ")
	op, _ := d.paths[path][strings.ToLower(method)].(map[string]any)
	answers, _ := op["responses"].(map[string]any)
	answer, ok := answers[status]
	if !ok {
		answer = answers["default"]
	}
	var err error
	if answer, err = d.resolve(answer); err != nil {
		return nil, err
	}
	content, _ := answer.(map[string]any)["content"].(map[string]any)
	kind, _, _ = strings.Cut(kind, ";")
	as, ok := content[kind].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: an answer %s of type %q is not documented", operation, status, kind)
	}
	return as["schema"], nil
}

// resolve follows a reference.
func (d *apiDoc) resolve(node any) (any, error) {
	m, ok := node.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%v: expected an object", node)
	}
	ref, ok := m["$ref"].(string)
	if !ok {
		return node, nil
	}
	var at any = d.components
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/components/"), "/") {
		m, _ := at.(map[string]any)
		if at, ok = m[part]; !ok {
			return nil, fmt.Errorf("%s: there is no such thing", ref)
		}
	}
	return d.resolve(at)
}

// check says where a value is not as its schema says. It knows the part of JSON
// Schema that docs/api.yaml uses, and refuses the rest.
func (d *apiDoc) check(value, schema any, at string) error {
	resolved, err := d.resolve(schema)
	if err != nil {
		return err
	}
	s := resolved.(map[string]any)
	for key := range s {
		if !slices.Contains([]string{"type", "enum", "const", "oneOf", "required", "properties", "additionalProperties", "items", "minItems", "maxItems",
			"minimum", "maximum", "format", "description", "default"}, key) {
			return fmt.Errorf("%s: the schema's %q is not understood here", at, key)
		}
	}
	if err := checkPlain(value, s, at); err != nil {
		return err
	}
	if either, ok := s["oneOf"].([]any); ok {
		var fits int
		var why []string
		for _, one := range either {
			if err := d.check(value, one, at); err != nil {
				why = append(why, err.Error())
			} else {
				fits++
			}
		}
		if fits != 1 {
			return fmt.Errorf("%s: %d of oneOf fit: %s", at, fits, strings.Join(why, "; "))
		}
	}
	switch v := value.(type) {
	case map[string]any:
		return d.checkObject(v, s, at)
	case []any:
		if n, ok := s["minItems"].(int); ok && len(v) < n {
			return fmt.Errorf("%s: %d items, at least %d", at, len(v), n)
		}
		if n, ok := s["maxItems"].(int); ok && len(v) > n {
			return fmt.Errorf("%s: %d items, at most %d", at, len(v), n)
		}
		for i, item := range v {
			if s["items"] != nil {
				if err := d.check(item, s["items"], fmt.Sprintf("%s[%d]", at, i)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (d *apiDoc) checkObject(v, s map[string]any, at string) error {
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			return fmt.Errorf("%s: %v is missing", at, name)
		}
	}
	properties, _ := s["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(v)) {
		property, ok := properties[name]
		switch {
		case ok:
			if err := d.check(v[name], property, at+"."+name); err != nil {
				return err
			}
		case s["additionalProperties"] == false:
			return fmt.Errorf("%s: %s is not documented", at, name)
		}
	}
	return nil
}

// checkPlain checks what needs no other schema.
func checkPlain(value any, s map[string]any, at string) error {
	if types, ok := s["type"]; ok && !isOf(value, types) {
		return fmt.Errorf("%s: %.100v is no %v", at, value, types)
	}
	if list, ok := s["enum"].([]any); ok && !slices.ContainsFunc(list, func(one any) bool { return fmt.Sprint(one) == fmt.Sprint(value) }) {
		return fmt.Errorf("%s: %v is none of %v", at, value, list)
	}
	if one, ok := s["const"]; ok && fmt.Sprint(one) != fmt.Sprint(value) {
		return fmt.Errorf("%s: %v is not %v", at, value, one)
	}
	if n, ok := value.(json.Number); ok {
		f, _ := n.Float64()
		if least, ok := s["minimum"].(int); ok && f < float64(least) {
			return fmt.Errorf("%s: %v is below %d", at, n, least)
		}
		if most, ok := s["maximum"].(int); ok && f > float64(most) {
			return fmt.Errorf("%s: %v is above %d", at, n, most)
		}
	}
	if text, ok := value.(string); ok && s["format"] == "date-time" {
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return nil
}

func isOf(value, types any) bool {
	list, ok := types.([]any)
	if !ok {
		list = []any{types}
	}
	for _, one := range list {
		switch v := value.(type) {
		case nil:
			ok = one == "null"
		case bool:
			ok = one == "boolean"
		case string:
			ok = one == "string"
		case json.Number:
			ok = one == "number" || one == "integer" && !strings.ContainsAny(v.String(), ".eE")
		case []any:
			ok = one == "array"
		case map[string]any:
			ok = one == "object"
		}
		if ok {
			return true
		}
	}
	return false
}

func TestTheCheckOfAnswersFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	d := &apiDoc{components: map[string]any{"schemas": map[string]any{}}}
	for _, c := range []struct {
		schema, value string
		good          bool
	}{
		{`{type: object, required: [a], properties: {a: {type: integer}}, additionalProperties: false}`, `{"a":1}`, true},
		{`{type: object, required: [a]}`, `{}`, false},
		{`{type: object, properties: {}, additionalProperties: false}`, `{"b":1}`, false},
		{`{type: integer}`, `1.5`, false}, {`{type: integer}`, `"1"`, false}, {`{type: [integer, "null"]}`, `null`, true}, {`{type: string}`, `null`, false},
		{`{type: array, items: {type: string}}`, `["a",1]`, false}, {`{type: array, maxItems: 1}`, `[1,2]`, false}, {`{type: array, minItems: 1}`, `[]`, false},
		{`{enum: [a, b]}`, `"c"`, false}, {`{const: x}`, `"x"`, true}, {`{minimum: 1}`, `0`, false}, {`{maximum: 1}`, `2`, false},
		{`{oneOf: [{type: string}, {type: integer}]}`, `true`, false}, {`{oneOf: [{type: string}, {type: integer}]}`, `1`, true},
		{`{type: string, format: date-time}`, `"yesterday"`, false}, {`{pattern: x}`, `"x"`, false}, {`{$ref: "#/components/schemas/None"}`, `1`, false},
	} {
		var schema any
		if err := yaml.Unmarshal([]byte(c.schema), &schema); err != nil {
			t.Fatal(err)
		}
		if err := d.check(decode(t, c.value), schema, "it"); (err == nil) != c.good {
			t.Errorf("%s against %s: %v", c.value, c.schema, err)
		}
	}
}

// decode reads JSON with its numbers as they stand.
func decode(t *testing.T, text string) (value any) {
	t.Helper()
	read := json.NewDecoder(strings.NewReader(text))
	read.UseNumber()
	if err := read.Decode(&value); err != nil {
		t.Fatalf("%v: %.500s", err, text)
	}
	return value
}
