package encode

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"lagermeister/heka/hekapb"
)

func TestIndexNamesAreInterpolated(t *testing.T) {
	t.Parallel()
	m := build(t, &hekapb.Message{
		Uuid: []byte("0123456789abcdef"), Timestamp: proto.Int64(cut.Add(-time.Hour).UnixNano()),
		Type: proto.String("Nginx.Access"), Logger: proto.String("log/ger"), Severity: proto.Int32(3),
		EnvVersion: proto.String("v1"), Pid: proto.Int32(77), Hostname: proto.String("web-1"),
		Fields: []*hekapb.Field{
			{Name: proto.String("team"), ValueString: []string{"Blue", "red"}},
			{Name: proto.String("team"), ValueString: []string{"green"}},
			{Name: proto.String("n"), ValueType: hekapb.Field_INTEGER.Enum(), ValueInteger: []int64{-5}},
			{Name: proto.String("none")},
			{Name: proto.String("%Y"), ValueString: []string{"evil"}},
		},
	})
	for _, c := range []struct{ pattern, want string }{
		{"lagermeister-%{%Y.%m.%d}", "lagermeister-2013.07.16"},
		{"%{Type}-%{Hostname}", "nginx.access-web-1"},
		{"%{Logger}.%{Severity}.%{Pid}.%{EnvVersion}", "log_ger.3.77.v1"},
		{"u-%{UUID}", "u-30313233-3435-3637-3839-616263646566"},
		{"%{team}-%{n}", "blue--5"},
		{"a-%{none}-%{missing}", "a-none-missing"},
		{"a-%{uuid}", "a-uuid"}, // names are spelled as Heka spells them
		{"x-%{%Y}", "x-2013"},   // a date is never a field
		{"}a}%b{c", "}a}%b{c"},
		{"%{Hostname}", "web-1"},
		{"__-_a_", "a_"},
		{"_-", "lagermeister"},
		{"..", "lagermeister"},
		{".a", ".a"},
		{"é-Ünï", "n_"},
		{strings.Repeat("ä", 300) + "x", "x"},
		{"a" + strings.Repeat("ä", 300), "a" + strings.Repeat("_", 199)},
	} {
		got, skew := mustParse(t, c.pattern).Append([]byte("before "), m, cut)
		want := "before " + strings.NewReplacer("}", "_", "{", "_", "%", "_").Replace(c.want)
		want = strings.Replace(want, "before _", "before ", 1)
		if string(got) != want || skew {
			t.Errorf("%s: got %q, skew %v, want %q", c.pattern, got, skew, want)
		}
	}
}

func TestStrftimeCodesAreHekas(t *testing.T) {
	t.Parallel()
	at := time.Date(2013, 7, 6, 15, 4, 5, 6789000, time.UTC)
	for code, want := range map[byte]string{
		'A': "Saturday", 'a': "Sat", 'B': "July", 'b': "Jul", 'h': "Jul", 'C': "2013", 'D': "07/06/13", 'd': "06", 'e': " 6",
		'F': "2013-07-06", 'f': "006789", 'H': "15", 'I': "03", 'j': "187", 'k': "15", 'l': " 3", 'M': "04", 'm': "07", 'n': "\n",
		'P': "pm", 'p': "PM", 'R': "15:04", 'r': "03:04:05 PM", 'S': "05", 's': "1373123045", 'T': "15:04:05", 't': "\t",
		'v': " 6-Jul-2013", 'w': "6", 'Y': "2013", 'y': "13", 'Z': "UTC", 'z': "+0000", '%': "%",
	} {
		if got := string(appendStrftime(nil, "%"+string(code), at)); got != want {
			t.Errorf("%%%c: got %q, want %q", code, got, want)
		}
		if !strings.ContainsRune(strftimeCodes, rune(code)) {
			t.Errorf("%%%c is not accepted", code)
		}
	}
	if got := string(appendStrftime(nil, "%l %k %H", time.Date(2013, 7, 6, 0, 0, 0, 0, time.UTC))); got != "12  0 00" {
		t.Errorf("midnight: got %q", got)
	}
}

func TestTheDateIsTheEventsUnlessItIsFarFromTheCut(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	p := mustParse(t, "%{%Y.%m.%d}")
	for _, c := range []struct {
		from time.Duration
		want string
		skew bool
	}{
		{0, "2013.07.16", false},
		{-30 * day, "2013.06.16", false},
		{-30*day - 1, "2013.07.16", true},
		{day, "2013.07.17", false},
		{day + 1, "2013.07.16", true},
	} {
		m := build(t, &hekapb.Message{Uuid: []byte{}, Timestamp: proto.Int64(cut.Add(c.from).UnixNano())})
		got, skew := p.Append(nil, m, cut.In(time.FixedZone("", 14*3600)))
		if string(got) != c.want || skew != c.skew {
			t.Errorf("%v from the cut: got %s, %v", c.from, got, skew)
		}
	}
	if got, skew := p.Append(nil, parse(t, nil), cut); string(got) != "2013.07.16" || !skew {
		t.Errorf("without timestamp: got %s, %v", got, skew)
	}
}

func TestIndexPatternErrorsNameThePlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pattern, want string }{
		{"", "is empty"},
		{"a-%{Type", `"a-%{Type": byte 2: "%{Type" is not closed by }`},
		{"a-%{}", "byte 2: %{} names nothing"},
		{"a-%{Type}-%{%Q}", `byte 10: "%Q" is no date format`},
		{"a-%{%Y.%}", `byte 2: "%Y.%" is no date format`},
	} {
		if _, err := ParseIndex(c.pattern); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.pattern, err, c.want)
		}
	}
}

func TestANamerSaysWhatThePatternSaysAtEveryTimeOfTheDay(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"logs", "logs-%{%Y.%m.%d}", "l-%{%F}-%{%H}", "%{%j}%{%s}", "%{Type}-%{%d}", "%{host}"} {
		p := mustParse(t, pattern)
		n := p.Namer()
		for _, base := range []time.Time{time.Unix(0, 0), cut} {
			for hour := -30; hour < 80; hour++ {
				at := base.Add(time.Duration(hour) * time.Hour)
				m := build(t, &hekapb.Message{Timestamp: proto.Int64(at.UnixNano()), Type: proto.String("t" + strconv.Itoa(hour))})
				want, wantSkew := p.Append(nil, m, base)
				if got, skew := n.Name(m, base); string(got) != string(want) || skew != wantSkew {
					t.Fatalf("%s at %v: %q, %v, want %q, %v", pattern, at, got, skew, want, wantSkew)
				}
			}
		}
	}
}
