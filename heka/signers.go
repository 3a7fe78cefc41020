package heka

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
)

// What Verify finds wrong; its errors wrap one of these or ErrHeader.
var (
	ErrUnknownSigner = errors.New("unknown signer")
	ErrBadSignature  = errors.New("signature does not match")
	ErrUnknownHash   = errors.New("unknown hash function")
)

// Signers maps the id of each known signer, NAME_VERSION, to its key. It may be
// used by many goroutines as long as none changes it.
type Signers map[string][]byte

// ReadSigners reads a signers file. Each line is an id, NAME_VERSION, then
// blanks, then the key, which is the rest of the line and may hold blanks
// itself; spaces and tabs around both are not part of them. Empty lines and
// those that begin with # are comments. Anything else, and an id that is given
// twice, is an error that names the line; keys are never part of it.
func ReadSigners(r io.Reader) (Signers, error) {
	s := Signers{}
	lines := bufio.NewScanner(r)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.Trim(lines.Bytes(), " \t\r")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		blank := bytes.IndexAny(line, " \t")
		if blank < 0 {
			return nil, fmt.Errorf("signers line %d: no key behind the id, expected NAME_VERSION KEY", n)
		}
		id := string(line[:blank])
		if err := checkSignerID(id); err != nil {
			return nil, fmt.Errorf("signers line %d: %w", n, err)
		}
		if _, twice := s[id]; twice {
			return nil, fmt.Errorf("signers line %d: %s has a key already, give each NAME_VERSION once", n, id)
		}
		s[id] = bytes.Clone(bytes.TrimLeft(line[blank:], " \t"))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("signers line %d: %w", n+1, err)
	}
	return s, nil
}

// checkSignerID accepts what a header can ask for: a name, "_", and a version
// written as Heka writes it.
func checkSignerID(id string) error {
	sep := strings.LastIndexByte(id, '_')
	if sep < 0 {
		return fmt.Errorf("%q is no id, expected NAME_VERSION such as ops_0", id)
	}
	version := id[sep+1:]
	v, err := strconv.ParseUint(version, 10, 32)
	if err != nil || strconv.FormatUint(v, 10) != version {
		return fmt.Errorf("%q is no id: %q is no version, expected 0 to 4294967295", id, version)
	}
	return nil
}

// Signed tells whether a frame carries a signature, good or bad.
func Signed(f Frame) bool {
	var h Header
	h.parse(f.Header)
	return h.HMAC != nil
}

// Verify returns the name of the signer whose signature f carries, and "" when
// it carries none: naming a signer without a signature proves nothing. A nil
// Signers verifies nothing and knows nobody.
//
// An error wraps ErrUnknownSigner, ErrBadSignature, ErrUnknownHash or ErrHeader;
// such a frame is to be refused. Here this differs from Heka, which believes
// names without a signature and all headers of 13 bytes or less.
func (s Signers) Verify(f Frame) (signer string, err error) {
	if s == nil {
		return "", nil
	}
	if _, plain := plainLength(f.Header); plain {
		return "", nil
	}
	h, err := ParseHeader(f.Header)
	if err != nil {
		return "", err
	}
	if h.HMAC == nil {
		return "", nil
	}
	var id [MaxHeader + 16]byte
	key, known := s[string(appendSignerID(id[:0], h.Signer, h.KeyVersion))]
	if !known {
		return "", fmt.Errorf("message signed by %q, key version %d: %w", h.Signer, h.KeyVersion, ErrUnknownSigner)
	}
	mac := newMAC(h.HashFunction, key)
	if mac == nil {
		return "", fmt.Errorf("message signed by %q with hash function %d, known are 0 (MD5) and 1 (SHA1): %w",
			h.Signer, h.HashFunction, ErrUnknownHash)
	}
	mac.Write(f.Body)
	if !hmac.Equal(mac.Sum(nil), h.HMAC) {
		return "", fmt.Errorf("message of %d bytes signed by %q, key version %d: %w", len(f.Body), h.Signer, h.KeyVersion, ErrBadSignature)
	}
	return string(h.Signer), nil
}

func appendSignerID(dst, name []byte, version uint32) []byte {
	return strconv.AppendUint(append(append(dst, name...), '_'), uint64(version), 10)
}

// newMAC returns nil for a hash function that does not exist.
func newMAC(f HashFunction, key []byte) hash.Hash {
	switch f {
	case MD5:
		return hmac.New(md5.New, key)
	case SHA1:
		return hmac.New(sha1.New, key)
	}
	return nil
}

// MaxSignerName is the longest name of a signer that always fits a header, in bytes.
const MaxSignerName = 200

// Signer signs frames as one client of Heka does.
type Signer struct {
	Name    string // at most MaxSignerName bytes
	Version uint32
	Key     []byte
	Hash    HashFunction // MD5 or SHA1
}

// Validate tells what AppendSignedFrame would not take.
func (s *Signer) Validate() error {
	if len(s.Name) > MaxSignerName {
		return fmt.Errorf("signer name of %d bytes, limit %d: %.40q", len(s.Name), MaxSignerName, s.Name)
	}
	if newMAC(s.Hash, nil) == nil {
		return fmt.Errorf("signer %q with hash function %d, known are 0 (MD5) and 1 (SHA1)", s.Name, s.Hash)
	}
	return nil
}

// AppendSignedFrame appends body framed and signed. It panics when s.Validate
// reports an error, which is to be asked once, where the settings are read.
func AppendSignedFrame(dst, body []byte, s Signer) []byte {
	if err := s.Validate(); err != nil {
		panic(err)
	}
	mac := newMAC(s.Hash, s.Key)
	mac.Write(body)
	h := Header{
		MessageLength: uint32(len(body)),
		HashFunction:  s.Hash,
		Signer:        []byte(s.Name),
		KeyVersion:    s.Version,
		HMAC:          mac.Sum(nil),
	}
	at := len(dst)
	dst = h.append(append(dst, RecordSeparator, 0))
	dst[at+1] = byte(len(dst) - at - 2)
	dst = append(dst, UnitSeparator)
	return append(dst, body...)
}
