package program

import (
	"strings"
	"time"

	"lagermeister/sink/httpclient"
)

// Effective is what a setting has come to, as an operator may see it: there is no
// secret in it.
type Effective struct {
	Name    string // with prefix
	Value   string // empty for a secret; of URLs scheme and host
	Default string
	Changed bool // it is not the default
	Secret  bool // Changed is all that may be known of it
	Masked  bool // there is more to it than Value shows
	Desc    string
}

// EffectiveOf lists what the settings of parts have come to, in the order of
// --help. parts have been through Configure; fresh are the same that have not: they
// know the defaults of fields without a default tag.
func EffectiveOf(parts, fresh []Part) (list []Effective) {
	for i, part := range parts {
		defaults := fresh[i].Settings()
		for j, s := range part.Settings() {
			list = append(list, s.effective(defaults[j].Default))
		}
	}
	return list
}

func (s Setting) effective(standard string) Effective {
	e := Effective{Name: s.Name, Value: standard, Default: standard, Secret: s.Secret, Desc: s.Desc}
	if s.is(standard) {
		return e
	}
	e.Changed = true
	switch text := format(s.value); {
	case s.Secret:
		e.Masked = true
	case s.URL:
		e.Value, e.Masked = shownURLs(text)
	default:
		e.Value = text
	}
	return e
}

// is reports whether the setting has the value that text stands for.
func (s Setting) is(text string) bool {
	if text == "" {
		return s.value.IsZero() || format(s.value) == ""
	}
	if d, ok := s.value.Interface().(time.Duration); ok {
		other, err := time.ParseDuration(text)
		return err == nil && d == other
	}
	return format(s.value) == text
}

// shownURLs is what may be seen of URLs with commas between them, and whether that
// is less than there is.
func shownURLs(text string) (shown string, masked bool) {
	var whole []string
	for s := range strings.SplitSeq(text, ",") {
		if s = strings.TrimSuffix(strings.TrimSpace(s), "/"); s != "" {
			whole = append(whole, s)
		}
	}
	shown = httpclient.Shown(whole)
	if shown == strings.Join(whole, ", ") {
		return text, false
	}
	return shown, true
}
