package dashboard

import (
	"net/http"
	"net/url"
	"strconv"

	"lagermeister/dashboard/live"
)

// seriesWindow is the window of a question that names none, seconds.
const seriesWindow = 900

// serveSeries answers GET /api/v2/series?window=seconds&step=1|10.
func serveSeries(history *live.History) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		values := r.URL.Query()
		window, err := seconds(values, "window", seriesWindow)
		step := int64(0)
		if err == nil {
			step, err = seconds(values, "step", 0)
		}
		if err == nil {
			step, err = live.CheckWindow(window, step)
		}
		if err != nil {
			problem(w, http.StatusBadRequest, "bad parameter", err.Error())
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = history.Write(w, window, step) // the peer may be gone
	})
}

func seconds(values url.Values, name string, fallback int64) (int64, error) {
	text := values.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n <= 0 {
		return 0, &badParameter{name, text, "a number of seconds"}
	}
	return n, nil
}

// badParameter is a parameter of a request that cannot be used.
type badParameter struct{ name, value, expected string }

func (e *badParameter) Error() string {
	return e.name + "=" + strconv.Quote(e.value) + ": expected " + e.expected
}
