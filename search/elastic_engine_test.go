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
	template, err := os.ReadFile("../sink/bulk/template.json")
	if err != nil {
		t.Fatal(err)
	}
	template = bytes.Replace(template, []byte("{"), []byte(`{"index_patterns":["lm-searchtest-*"],`), 1)
	call(t, http.MethodPut, base+"/_index_template/lm-searchtest", "application/json", template)
	call(t, http.MethodDelete, base+"/lm-searchtest-1,lm-searchtest-2?ignore_unavailable=true", "application/json", nil)

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
