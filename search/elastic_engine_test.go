package search_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/heka/recordid"
	"lagermeister/search"
	"lagermeister/search/searchtest"
)

// Runs against a real engine, whose data in lm-searchtest it replaces:
//
//	SEARCH_TEST_URL=http://localhost:9200 go test ./search -run RealEngine
func TestVerdictsOnARealEngine(t *testing.T) {
	urls := os.Getenv("SEARCH_TEST_URL")
	if urls == "" {
		t.Skip("SEARCH_TEST_URL is not set; .ci/elastic starts engines and sets it")
	}
	for _, base := range strings.Split(urls, ",") {
		t.Run(base, func(t *testing.T) {
			store, err := search.NewElastic(search.ElasticConfig{URLs: []string{base}, Index: "lm-searchtest-*"})
			if err != nil {
				t.Fatal(err)
			}
			searchtest.Run(t, store, func(frames [][]byte) []int { return fill(t, base, frames) })
		})
	}
}

// fill indexes frames as es_subscriber does, and returns the refused ones.
func fill(t *testing.T, base string, frames [][]byte) (refused []int) {
	empty(t, base, "lm-searchtest")
	body, _ := documents(t, frames)
	answer := call(t, http.MethodPost, base+"/_bulk?refresh=true", "application/x-ndjson", body)
	var result struct {
		Errors bool
		Items  []map[string]struct{ Error json.RawMessage }
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		t.Fatal(err)
	}
	for i, item := range result.Items {
		if item["create"].Error != nil {
			t.Logf("record %d: %.200s", i, item["create"].Error)
			refused = append(refused, i)
		}
	}
	return refused
}

// empty prepares the indices NAME-1 and NAME-2.
func empty(t *testing.T, base, name string) {
	template, err := os.ReadFile("../sink/bulk/template.json")
	if err != nil {
		t.Fatal(err)
	}
	template = bytes.Replace(template, []byte("{"), []byte(`{"index_patterns":["`+name+`-*"],`), 1)
	call(t, http.MethodPut, base+"/_index_template/"+name, "application/json", template)
	call(t, http.MethodDelete, base+"/"+name+"-1,"+name+"-2?ignore_unavailable=true", "application/json", nil)
}

// More records than are examined for one answer are counted all the same, where
// the engine can tell which ones match.
func TestCountsOfManyOnARealEngine(t *testing.T) {
	urls := os.Getenv("SEARCH_TEST_URL")
	if urls == "" {
		t.Skip("SEARCH_TEST_URL is not set; .ci/elastic starts engines and sets it")
	}
	const n, begin = search.MaxExamined + 2000, 1600000000
	for _, base := range strings.Split(urls, ",") {
		t.Run(base, func(t *testing.T) {
			empty(t, base, "lm-searchcount")
			var body []byte
			for i := range n {
				body = fmt.Appendf(body, `{"create":{"_index":"lm-searchcount-%d"}}`+"\n"+`{"@timestamp":"%s","host.name":"h%d","log.syslog.severity.code":%d,"heka.word":"w%d"}`+"\n",
					1+i%2, time.Unix(begin, int64(i)*1e6).UTC().Format(time.RFC3339Nano), i%3, i%8, i%5)
			}
			call(t, http.MethodPost, base+"/_bulk?refresh=true", "application/x-ndjson", body)
			store, err := search.NewElastic(search.ElasticConfig{URLs: []string{base}, Index: "lm-searchcount-*"})
			if err != nil {
				t.Fatal(err)
			}
			for text, part := range map[string]int64{"TRUE": n, "Severity < 4": n / 2, `Hostname != "h1" && Severity != 1.5`: n / 3 * 2} {
				r := search.Request{Spec: mustParse(t, text)}
				facets, err := store.Facets(t.Context(), search.FacetRequest{Request: r, Fields: fields(t, "Severity", "Hostname", "Fields[word]", "Logger")})
				sum := int64(0)
				for _, f := range facets.Facets {
					for _, v := range f.Values {
						sum += v.Count
					}
				}
				if err != nil || facets.Counted != part || facets.TotalIs != search.Exact || sum != 4*part {
					t.Errorf("%s: %+v, %v; want %d", text, facets, err, part)
				}
				h, err := store.Histogram(t.Context(), search.HistogramRequest{Request: r, Buckets: 12})
				if err != nil || h.Counted != part || h.TotalIs != search.Exact || h.Step != 1000 || h.From != begin*1000 || len(h.Buckets) != 12 || h.Buckets[3][0] == 0 {
					t.Errorf("%s: %+v, %v; want %d", text, h, err, part)
				}
			}
		})
	}
}

// documents returns a bulk body, and the documents by themselves.
func documents(t testing.TB, frames [][]byte) (body []byte, list []json.RawMessage) {
	e, err := encode.New("ecs", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids recordid.Hasher
	for i, frame := range frames {
		var m heka.Message
		if err := m.Parse(frame[int(frame[1])+heka.FramingSize:]); err != nil {
			t.Fatal(err)
		}
		id := ids.Append(nil, &m, "block", i)
		doc := e.Append(nil, &encode.Record{Message: &m, Sequence: 1, Index: i, Cut: time.UnixMilli(1600000000123)})
		body = fmt.Appendf(body, `{"create":{"_index":"lm-searchtest-%d","_id":"%s"}}`+"\n%s\n", 1+i%2, id, doc)
		list = append(list, doc)
	}
	return body, list
}

func call(t *testing.T, method, url, kind string, body []byte) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", kind)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		t.Fatalf("%s %s: status %d, %v: %.500s", method, url, response.StatusCode, err, answer)
	}
	return answer
}
