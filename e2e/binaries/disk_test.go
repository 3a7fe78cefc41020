package binaries

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// tracedCalls are all that a program changes files with, and how it names them.
const tracedCalls = "trace=open,openat,creat,close,dup,dup2,dup3,fcntl,lseek,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,copy_file_range,sendfile," +
	"fsync,fdatasync,sync_file_range,sync,syncfs,rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlinkat,mkdir,mkdirat,rmdir,chdir"

// disk is what a folder would hold after a power cut, worked out from a trace of
// the system calls of the one process that wrote there. The folder was empty.
//
// Promised by the system is only what fsync or fdatasync of a file had returned
// for: the data written before the call, and the name the file had then. Of all
// else any part may be there: which, is up to the fields.
type disk struct {
	t    *testing.T
	root string

	names map[string]*inode // as the process saw them last
	safe  map[string]*inode // names that are on the disk for sure, with their folders' sync
	fds   map[int]*descriptor
	dirs  map[string]bool
	begun map[string]call // of a thread, what was printed when it began
	syncs int

	renames [][2]string // from, to: the process was killed inside, and they may have been done
}

// inode is a file, whatever it is called.
type inode struct {
	writes []write
	synced int // so many of the writes are on the disk for sure
}

// write is data at an offset, or with nil data the new size.
type write struct {
	at   int64
	data []byte
	open bool // the process was killed inside it
}

type descriptor struct {
	path   string
	file   *inode // nil for a folder
	at     int64
	append bool
	sync   bool // O_SYNC: a write is one with its sync
}

type call struct {
	text string
	file *inode // of a sync: what it covers was written when it began
	upTo int
	path string
}

// readDisk reads a trace that strace -f -xx has made.
func readDisk(t *testing.T, trace, root string) *disk {
	t.Helper()
	d := &disk{t: t, root: root, names: map[string]*inode{}, safe: map[string]*inode{}, fds: map[int]*descriptor{}, dirs: map[string]bool{}, begun: map[string]call{}}
	file, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) { // a line that was cut off is a call that never returned
			for _, c := range d.begun {
				c.text = strings.TrimSpace(c.text) + ") = ?"
				d.end(c)
			}
			return d
		}
		if err != nil {
			t.Fatal(err)
		}
		d.line(strings.TrimSuffix(line, "\n"))
	}
}

// line puts the halves of a call together that another thread's came between.
func (d *disk) line(line string) {
	thread, text, _ := strings.Cut(line, " ")
	text = strings.TrimSpace(text)
	switch {
	case strings.HasSuffix(text, "<unfinished ...>"):
		d.begun[thread] = d.begin(strings.TrimSuffix(text, "<unfinished ...>"))
	case strings.HasPrefix(text, "<... "):
		if c, ok := d.begun[thread]; ok {
			delete(d.begun, thread)
			_, rest, _ := strings.Cut(text, "resumed>")
			c.text += rest
			d.end(c)
		}
	case strings.Contains(text, "(") && !strings.HasPrefix(text, "---") && !strings.HasPrefix(text, "+++"):
		d.end(d.begin(text))
	}
}

// begin is the entry of a call: closing frees the number at once, and a sync is
// for what was written before it.
func (d *disk) begin(text string) call {
	c := call{text: text}
	name, args, _ := strings.Cut(text, "(")
	switch name {
	case "close":
		delete(d.fds, number(args))
	case "fsync", "fdatasync":
		if fd := d.fds[number(args)]; fd != nil {
			c.path = fd.path
			if fd.file != nil {
				c.file, c.upTo = fd.file, len(fd.file.writes)
			}
		}
	}
	return c
}

// end is the return of a call, with all its effects.
func (d *disk) end(c call) {
	equals := strings.LastIndex(c.text, ") = ")
	if equals < 0 {
		equals = strings.LastIndex(c.text, ")  = ") // aligned
	}
	if i := strings.LastIndex(c.text, " = "); i >= 0 && equals < 0 {
		equals = i
	}
	if equals < 0 {
		return // never returned
	}
	result := c.text[strings.LastIndex(c.text, " = ")+3:]
	if strings.HasPrefix(result, "-1") {
		return
	}
	name, args, _ := strings.Cut(c.text[:equals], "(")
	value := int64(number(result))
	if strings.HasPrefix(result, "?") { // killed inside: what it had to do may be done
		if both := texts(args); strings.HasPrefix(name, "rename") && len(both) == 2 {
			d.renames = append(d.renames, [2]string{string(both[0]), string(both[1])})
		}
		if !strings.Contains(name, "write") {
			return
		}
		value = -1
	}
	switch name {
	case "open", "openat", "creat":
		d.open(name, args, int(value))
	case "dup", "dup2", "dup3":
		if fd := d.fds[number(args)]; fd != nil {
			d.t.Fatalf("trace: %.80s: descriptors that share an offset are not followed", c.text)
		}
	case "lseek":
		if fd := d.fds[number(args)]; fd != nil {
			fd.at = value
		}
	case "write", "writev":
		if fd := d.fds[number(args)]; fd != nil && fd.file != nil {
			if fd.append {
				fd.at = fd.file.size()
			}
			d.write(fd, fd.at, texts(args), value)
			fd.at += value
		}
	case "pwrite64", "pwritev", "pwritev2":
		if fd := d.fds[number(args)]; fd != nil {
			d.write(fd, int64(number(args[strings.LastIndexByte(args, ',')+1:])), texts(args), value)
		}
	case "ftruncate":
		if fd := d.fds[number(args)]; fd != nil {
			fd.file.writes = append(fd.file.writes, write{at: int64(number(args[strings.LastIndexByte(args, ',')+1:]))})
		}
	case "fsync", "fdatasync":
		d.sync(c)
	case "rename", "renameat", "renameat2":
		d.rename(args)
	case "unlink", "unlinkat", "rmdir":
		path := string(texts(args)[0])
		delete(d.names, path)
		delete(d.dirs, path)
	case "mkdir", "mkdirat":
		if path := string(texts(args)[0]); strings.HasPrefix(path, d.root) {
			d.dirs[path] = true
		}
	case "close", "fcntl":
	case "sync", "syncfs", "sync_file_range": // would promise more; to ignore them is stricter
	default:
		for _, fd := range d.fds { // only files of the folder are followed
			if strings.Contains(c.text, fd.path) {
				d.t.Fatalf("trace: %.120s is not understood", c.text)
			}
		}
	}
}

func (d *disk) open(name, args string, fd int) {
	delete(d.fds, fd)
	path := string(texts(args)[0])
	if !strings.HasPrefix(path, d.root) {
		return
	}
	if strings.Contains(args, "O_DIRECTORY") || d.dirs[path] || path == d.root {
		d.fds[fd] = &descriptor{path: path}
		return
	}
	file := d.names[path]
	if file == nil {
		file = &inode{}
		d.names[path] = file
	} else if name == "creat" || strings.Contains(args, "O_TRUNC") {
		file.writes = append(file.writes, write{})
	}
	d.fds[fd] = &descriptor{path: path, file: file, append: strings.Contains(args, "O_APPEND"), sync: strings.Contains(args, "SYNC")}
}

func (d *disk) write(fd *descriptor, at int64, pieces [][]byte, n int64) {
	var data []byte
	for _, p := range pieces {
		data = append(data, p...)
	}
	open := n < 0
	if open {
		n = int64(len(data))
	}
	if int64(len(data)) < n {
		d.t.Fatalf("trace: write of %d bytes to %s, %d are there", n, fd.path, len(data))
	}
	fd.file.writes = append(fd.file.writes, write{at, data[:n:n], open})
	if fd.sync && !open {
		d.sync(call{file: fd.file, upTo: len(fd.file.writes)})
	}
}

// sync makes data and name safe. A folder's makes its names safe, present and gone.
func (d *disk) sync(c call) {
	d.syncs++
	if c.file == nil {
		for _, names := range []map[string]*inode{d.safe, d.names} {
			for path := range names {
				if c.path != "" && filepath.Dir(path) == c.path {
					d.secure(path)
				}
			}
		}
		return
	}
	c.file.synced = max(c.file.synced, c.upTo)
	for path, file := range d.names { // it may have been renamed since it was opened
		if file == c.file {
			d.secure(path)
		}
	}
}

func (d *disk) secure(path string) {
	if file := d.names[path]; file != nil {
		d.safe[path] = file
	} else {
		delete(d.safe, path)
	}
}

func (d *disk) rename(args string) {
	both := texts(args)
	from, to := string(both[0]), string(both[1])
	for path, file := range d.names { // of a folder, everything in it
		if rest, ok := strings.CutPrefix(path, from); ok && (rest == "" || rest[0] == '/') {
			d.names[to+rest] = file
			delete(d.names, path)
		}
	}
	for dir := range d.dirs {
		if rest, ok := strings.CutPrefix(dir, from); ok && (rest == "" || rest[0] == '/') {
			d.dirs[to+rest] = true
			delete(d.dirs, dir)
		}
	}
}

func (f *inode) size() (n int64) {
	for _, w := range f.writes {
		if w.data == nil {
			n = w.at
		}
		n = max(n, w.at+int64(len(w.data)))
	}
	return n
}

// luck is what a power cut leaves of what was not synced.
type luck struct {
	names  bool    // the names that the process saw last; else only the safe ones
	writes float64 // share of the writes, in any order
	pages  float64 // share of the pages of each of them
	open   bool    // and the write that the process was killed inside
}

// afterPowerCut writes what the disk holds into the empty folder dir.
func (d *disk) afterPowerCut(dir string, l luck) (lost int) {
	d.t.Helper()
	names := d.safe
	if l.names {
		names = d.names
	}
	for sub := range d.dirs {
		must(d.t, os.MkdirAll(filepath.Join(dir, strings.TrimPrefix(sub, d.root)), 0o755))
	}
	for path, file := range names {
		at := filepath.Join(dir, strings.TrimPrefix(path, d.root))
		must(d.t, os.MkdirAll(filepath.Dir(at), 0o755))
		out, err := os.Create(at)
		must(d.t, err)
		for i, w := range file.writes {
			switch {
			case i < file.synced:
				must(d.t, w.apply(out, 1))
			case rand.Float64() < l.writes && (l.open || !w.open):
				must(d.t, w.apply(out, l.pages))
			default:
				lost++
			}
		}
		must(d.t, out.Close())
	}
	return lost
}

// sameAs compares all that the process did with what it has left in its folder: a
// trace that was understood gives every byte. Of a write or rename that it was
// killed inside the folder may have all or nothing.
func (d *disk) sameAs(dir string) {
	d.t.Helper()
	with, without := d.t.TempDir(), d.t.TempDir()
	d.afterPowerCut(with, luck{names: true, writes: 1, pages: 1, open: true})
	d.afterPowerCut(without, luck{names: true, writes: 1, pages: 1})
	files := 0
	must(d.t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, "-shm") { // shared memory of SQLite, made anew at each start
			return err
		}
		files++
		want, err := os.ReadFile(path)
		must(d.t, err)
		names := []string{path}
		for _, r := range d.renames {
			if r[1] == path {
				names = append(names, r[0])
			}
		}
		var sizes []int
		for _, name := range names {
			for _, tree := range []string{with, without} {
				got, err := os.ReadFile(filepath.Join(tree, strings.TrimPrefix(name, dir)))
				if err == nil && bytes.Equal(got, want) {
					return nil
				}
				sizes = append(sizes, len(got))
			}
		}
		d.t.Errorf("%s: the trace gives one of %d bytes that are not the %d that are there", path, sizes, len(want))
		return nil
	}))
	if files == 0 {
		d.t.Errorf("%s holds no files", dir)
	}
}

// apply does a write, or a share of its pages.
func (w write) apply(out *os.File, share float64) error {
	if w.data == nil {
		return out.Truncate(w.at)
	}
	const page = 4096
	for at := int64(0); at < int64(len(w.data)); {
		n := min(page-(w.at+at)%page, int64(len(w.data))-at)
		if rand.Float64() < share {
			if _, err := out.WriteAt(w.data[at:at+n], w.at+at); err != nil {
				return err
			}
		}
		at += n
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// number reads the number that s begins with, -1 when there is none.
func number(s string) int {
	s = strings.TrimSpace(s)
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil {
		return -1
	}
	return n
}

// texts are the quoted texts of arguments, every byte of them as \x41.
func texts(args string) (all [][]byte) {
	for {
		_, rest, ok := strings.Cut(args, `"`)
		if !ok {
			return all
		}
		quoted, after, _ := strings.Cut(rest, `"`)
		if strings.HasPrefix(after, "...") {
			panic(fmt.Sprintf("trace: a text of %d bytes was cut off", len(quoted)/4))
		}
		b := make([]byte, 0, len(quoted)/4)
		for i := 0; i+4 <= len(quoted); i += 4 {
			b = append(b, unhex(quoted[i+2])<<4|unhex(quoted[i+3]))
		}
		all, args = append(all, b), after
	}
}

func unhex(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}
