package encode

import (
	"strconv"
	"strings"
	"time"
)

// strftimeCodes are the codes Heka's strftime knows.
const strftimeCodes = "AaBbCDdeFfHhIjklMmnPpRrSsTtvwYyZz%"

// ofDay reports whether a format says the same at every time of a day.
func ofDay(format string) bool {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		if i++; strings.IndexByte("AaBbCDdeFhjmntvwYyZz%", format[i]) < 0 {
			return false
		}
	}
	return true
}

// appendStrftime appends t in a strftime format that holds only known codes.
// Heka's set and meanings, its oddity included: %C is the whole year.
func appendStrftime(dst []byte, format string, t time.Time) []byte {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			dst = append(dst, format[i])
			continue
		}
		i++
		dst = appendCode(dst, format[i], t)
	}
	return dst
}

func appendCode(dst []byte, code byte, t time.Time) []byte {
	switch code {
	case 'Y', 'C':
		return appendPadded(dst, t.Year(), 4, '0')
	case 'm':
		return append2(dst, int(t.Month()))
	case 'd':
		return append2(dst, t.Day())
	case 'H':
		return append2(dst, t.Hour())
	case 'M':
		return append2(dst, t.Minute())
	case 'S':
		return append2(dst, t.Second())
	case 'y':
		return append2(dst, t.Year()%100)
	case 'j':
		return appendPadded(dst, t.YearDay(), 3, '0')
	case 'e':
		return appendPadded(dst, t.Day(), 2, ' ')
	case 'k':
		return appendPadded(dst, t.Hour(), 2, ' ')
	case 'l':
		return appendPadded(dst, (t.Hour()+11)%12+1, 2, ' ')
	case 'f':
		return appendPadded(dst, t.Nanosecond()/1000, 6, '0')
	case 's':
		return strconv.AppendInt(dst, t.Unix(), 10)
	case 'w':
		return append(dst, byte('0'+t.Weekday()))
	case 'n':
		return append(dst, '\n')
	case 't':
		return append(dst, '\t')
	case '%':
		return append(dst, '%')
	}
	return t.AppendFormat(dst, layouts[code])
}

// layouts are the codes that package time can say.
var layouts = map[byte]string{
	'A': "Monday", 'a': "Mon", 'B': "January", 'b': "Jan", 'h': "Jan",
	'D': "01/02/06", 'F': "2006-01-02", 'I': "03", 'P': "pm", 'p': "PM",
	'R': "15:04", 'r': "03:04:05 PM", 'T': "15:04:05", 'v': "_2-Jan-2006",
	'Z': "MST", 'z': "-0700",
}

// appendPadded appends v, filled up on the left to width.
func appendPadded(dst []byte, v, width int, fill byte) []byte {
	for limit := 10; width > 1; width-- {
		if v < limit {
			dst = append(dst, fill)
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, int64(v), 10)
}
