package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

// The page is built from web/ into dist/, which is committed: go build needs no
// Node. See web/README.md.
//
//go:embed dist
var dist embed.FS

// asset is an embedded file as it is sent.
type asset struct {
	kind          string // content type
	etag          string // quoted, of the plain content
	plain, zipped []byte
}

var assets = loadAll()

// wrongToken is the sign-in page with what it says of a token that is not known.
var wrongToken = newAsset("login.html", bytes.Replace(assets["login.html"].plain, []byte(" hidden>"), []byte(">"), 1))

// pages are the paths of the page's parts: the page itself finds out which it is.
var pages = []string{"/", "/pipeline", "/search", "/tail", "/dead", "/consumers", "/settings"}

var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
}

func loadAll() map[string]*asset {
	all := make(map[string]*asset)
	files, err := dist.ReadDir("dist")
	if err != nil {
		panic(err) // it is compiled in
	}
	for _, file := range files {
		plain, err := dist.ReadFile("dist/" + file.Name())
		if err != nil {
			panic(err)
		}
		all[file.Name()] = newAsset(file.Name(), plain)
	}
	return all
}

func newAsset(name string, plain []byte) *asset {
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // the level exists
	_, _ = w.Write(plain)                                      // memory takes all
	_ = w.Close()
	return &asset{kind: kinds[path.Ext(name)], etag: fmt.Sprintf(`"%.32s"`, hash(plain)), plain: plain, zipped: zipped.Bytes()}
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// uiVersion names the page that is compiled in: one that runs in a browser since
// before an update learns from it that it is old.
func uiVersion() string { return uiHash }

var uiHash = func() string {
	var etags []string
	for name, a := range assets {
		etags = append(etags, name+a.etag)
	}
	slices.Sort(etags)
	return hash([]byte(strings.Join(etags, " ")))[:12]
}()

// ServeHTTP sends the file, zipped where the browser can take it, or 304. Browsers
// ask each time: the names are fixed, and an update must be seen at once.
func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.serve(w, r, http.StatusOK) }

func (a *asset) serve(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	if status == http.StatusOK {
		h.Set("ETag", a.etag)
		if strings.Contains(r.Header.Get("If-None-Match"), a.etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	content := a.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = a.zipped
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(content) // the peer may be gone
	}
}

// servePages adds the page, its files and the way in. Each path of the page
// takes the sign-in form, too, so that somebody comes back to where they wanted.
func (s *Server) servePages() {
	for name, a := range assets {
		if !strings.HasSuffix(name, ".html") {
			s.HandlePublic("GET /"+name, "/"+name, a)
		}
	}
	for _, page := range pages {
		pattern := page
		if page == "/" {
			pattern = "/{$}"
		}
		s.Handle("GET "+pattern, assets["index.html"])
		s.Handle("POST "+pattern, http.HandlerFunc(s.serveLogin))
	}
}

func isPage(path string) bool { return slices.Contains(pages, path) }

// serveLogin gives a browser the cookie for its token and sends it back to the
// page it asked for.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	token := r.PostFormValue("token")
	if s.cfg.roleOfToken(token) == nobody {
		wrongToken.serve(w, r, http.StatusUnauthorized)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: sessionOf(token), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"})
	http.Redirect(w, r, r.URL.RequestURI(), http.StatusSeeOther) // one of pages: no other host can be in it
}
