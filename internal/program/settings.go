package program

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Part is one group of settings: a pointer to a struct whose fields are read
// from variables that start with Prefix and an underscore.
//
// Fields carry the tags of envconfig (`envconfig:"NAME" default:"…" required:"true"`)
// and these of ours:
//
//	desc:"…"          meaning and unit, for --help
//	original:"true"   the variable may also be given without its prefix, as in the first Lagermeister
//	secret:"true"     NAME_FILE may name a file that holds the value; the value is never printed
//	url:"true"        the value is URLs; of each no more than scheme and host is shown
//
// A field without a default tag keeps what it holds before Configure. Embedded
// structs are flattened. A struct with a method Validate() error has it called
// once all fields are set; its error starts with the variable's name less the
// prefix, as in `MAX_BODY=0: expected at least 1`.
type Part struct {
	Prefix string
	Config any
}

// Setting describes one variable; --help and the README are made from these.
type Setting struct {
	Name     string // with prefix
	Type     string
	Default  string
	Desc     string
	Required bool
	Secret   bool
	URL      bool
	Original bool

	bare  string
	value reflect.Value
}

// Settings lists the variables of p in the order of its fields.
func (p Part) Settings() []Setting {
	return collect(p.Prefix, reflect.ValueOf(p.Config).Elem(), nil)
}

func collect(prefix string, v reflect.Value, list []Setting) []Setting {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			list = collect(prefix, v.Field(i), list)
			continue
		}
		name := strings.ToUpper(field.Tag.Get("envconfig"))
		if !field.IsExported() || name == "" {
			continue
		}
		s := Setting{
			Name:     prefix + "_" + name,
			Type:     typeName(field.Type),
			Default:  field.Tag.Get("default"),
			Desc:     field.Tag.Get("desc"),
			Required: field.Tag.Get("required") == "true",
			Secret:   field.Tag.Get("secret") == "true",
			URL:      field.Tag.Get("url") == "true",
			Original: field.Tag.Get("original") == "true",
			bare:     name,
			value:    v.Field(i),
		}
		if _, tagged := field.Tag.Lookup("default"); !tagged && !s.Secret && !v.Field(i).IsZero() {
			s.Default = format(v.Field(i))
		}
		list = append(list, s)
	}
	return list
}

// format writes a value as it could be given.
func format(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = fmt.Sprint(v.Index(i).Interface())
		}
		return strings.Join(parts, ",")
	}
	text := fmt.Sprint(v.Interface())
	if v.Type() == reflect.TypeFor[time.Duration]() { // 72h, not 72h0m0s
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		if strings.HasSuffix(text, "h0m") {
			text = strings.TrimSuffix(text, "0m")
		}
	}
	return text
}

// typeName says what a value looks like, in the words of --help and of errors.
func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return strings.ToLower(t.Name())
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list"
	case reflect.Bool:
		return "bool"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "integer"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "integer ≥ 0"
	default:
		return t.Kind().String()
	}
}

// expected explains a type by an example.
func expected(typ string) string {
	switch typ {
	case "duration":
		return "a duration such as 500ms, 10s or 72h"
	case "bool":
		return "true or false"
	case "integer":
		return "a whole number"
	case "integer ≥ 0":
		return "a whole number, 0 or more"
	case "number":
		return "a number"
	case "list":
		return "values separated by commas"
	default:
		return "a " + typ
	}
}

// validate calls Validate on v, on every struct embedded in it first.
func validate(v reflect.Value) error {
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.Anonymous && field.IsExported() && field.Type.Kind() == reflect.Struct {
			if err := validate(v.Field(i)); err != nil {
				return err
			}
		}
	}
	// A struct that embeds just one with a Validate has that one promoted: it
	// then runs twice, which is harmless.
	if own, ok := v.Addr().Interface().(interface{ Validate() error }); ok {
		return own.Validate()
	}
	return nil
}
