package heka_test

import (
	"errors"
	"strings"
	"testing"

	"lagermeister/heka"
)

var ops = heka.Signer{Name: "ops", Version: 3, Key: []byte("secret key")}

// frame builds a frame around any header bytes.
func frame(header, body []byte) []byte {
	b := append([]byte{heka.RecordSeparator, byte(len(header))}, header...)
	return append(append(b, heka.UnitSeparator), body...)
}

func TestSignedFramesVerify(t *testing.T) {
	t.Parallel()
	signers := heka.Signers{"ops_3": ops.Key, "_0": nil}
	for _, s := range []heka.Signer{
		ops,
		{Name: "ops", Version: 3, Key: ops.Key, Hash: heka.SHA1},
		{}, // no name, version 0, empty key
	} {
		for _, body := range []string{"", "x", strings.Repeat("payload", 3000)} {
			f := onlyFrame(t, heka.AppendSignedFrame(nil, []byte(body), s))
			if signer, err := signers.Verify(f); signer != s.Name || err != nil {
				t.Errorf("%+v over %d bytes: %q, %v", s, len(body), signer, err)
			}
			if !heka.Signed(f) || string(f.Body) != body {
				t.Errorf("%+v over %d bytes: signed %v, body of %d bytes", s, len(body), heka.Signed(f), len(f.Body))
			}
		}
	}
}

func TestAppendSignedFrameWritesHekasHeader(t *testing.T) {
	t.Parallel()
	// md5 and sha1 records of the original client, signed again.
	signers := vectorSigners(t)
	for _, v := range rows[recordVector](t, "records.jsonl") {
		if v.Result.Signer == "" || v.ID == "m174" {
			continue
		}
		raw := readFile(t, v.File)
		f := onlyFrame(t, raw)
		h, err := heka.ParseHeader(f.Header)
		if err != nil {
			t.Fatal(err)
		}
		s := heka.Signer{Name: string(h.Signer), Version: h.KeyVersion, Hash: h.HashFunction}
		for id, key := range signers {
			if strings.HasPrefix(id, s.Name+"_") && s.Key == nil {
				s.Key = key
			}
			if _, err := (heka.Signers{id: key}).Verify(f); err == nil {
				s.Key = key
			}
		}
		if got := heka.AppendSignedFrame(nil, f.Body, s); string(got) != string(raw) {
			t.Errorf("%s %s:\ngot  %x\nwant %x", v.ID, v.Desc, got[:40], raw[:40])
		}
	}
}

// Heka believes a name without a signature, checks no header of 13 bytes or
// less, and crashes on a hash function that does not exist. Here a signer is
// verified or nobody.
func TestSignerIsVerifiedOrNobody(t *testing.T) {
	t.Parallel()
	body := []byte("body")
	good := onlyFrame(t, heka.AppendSignedFrame(nil, body, ops))
	signed := func(hash, signer, version, hmac string) []byte {
		return unhex(t, "0804"+hash+signer+version+hmac)
	}
	const (
		signer  = "22036f7073" // "ops"
		version = "2803"
		mac16   = "3210 00000000000000000000000000000000"
	)
	for _, c := range []struct {
		name   string
		header []byte
		signed bool
		want   error
	}{
		{"plain header", unhex(t, "0804"), false, nil},
		{"named without a signature, short header (m173)", signed("", signer, "", ""), false, nil},
		{"named without a signature, long header (m174)", signed("1801", signer, version, "7a03616263"), false, nil},
		{"truncated signature in a short header (m175)", signed("", signer, "", "3210"), false, heka.ErrHeader},
		{"wrong signature in a short header (m176)", signed("", signer, version, "320100"), true, heka.ErrBadSignature},
		{"empty signature in a short header", signed("", signer, version, "3200"), true, heka.ErrBadSignature},
		{"empty signature in a long header (m177)", signed("1801", signer, version, "3200 7a03616263"), true, heka.ErrBadSignature},
		{"wrong signature", signed("", signer, version, mac16), true, heka.ErrBadSignature},
		{"unknown name", signed("", "22036f7074", version, mac16), true, heka.ErrUnknownSigner},
		{"unknown version", signed("", signer, "2804", mac16), true, heka.ErrUnknownSigner},
		{"no name and no version", signed("", "", "", mac16), true, heka.ErrUnknownSigner},
		{"hash function 2 of a known signer (s064)", signed("1802", signer, version, mac16), true, heka.ErrUnknownHash},
		{"hash function -1 of a known signer", signed("18ffffffffffffffffff01", signer, version, mac16), true, heka.ErrUnknownHash},
		{"broken behind the length", unhex(t, "0804 0c"), false, heka.ErrHeader},
		{"broken behind the signature", signed("", signer, version, mac16+"0f"), true, heka.ErrHeader},
	} {
		f := onlyFrame(t, frame(c.header, body))
		name, err := heka.Signers{"ops_3": ops.Key}.Verify(f)
		if name != "" || !errors.Is(err, c.want) {
			t.Errorf("%s: signer %q, %v; want none, %v", c.name, name, err, c.want)
		}
		if heka.Signed(f) != c.signed {
			t.Errorf("%s: signed %v, want %v", c.name, heka.Signed(f), c.signed)
		}
		if name, err := (heka.Signers)(nil).Verify(f); name != "" || err != nil {
			t.Errorf("%s, no signers file: signer %q, %v; want none, nil", c.name, name, err)
		}
	}

	good.Body = []byte("bodY")
	if name, err := (heka.Signers{"ops_3": ops.Key}).Verify(good); name != "" || !errors.Is(err, heka.ErrBadSignature) {
		t.Errorf("changed body: signer %q, %v", name, err)
	}
	if _, err := (heka.Signers{}).Verify(good); !errors.Is(err, heka.ErrUnknownSigner) {
		t.Errorf("empty signers file: %v, want %v", err, heka.ErrUnknownSigner)
	}
}

func TestReadSigners(t *testing.T) {
	t.Parallel()
	s, err := heka.ReadSigners(strings.NewReader(
		"# comment\n\n  \t\r\nops_3 a key with blanks # and no comment \r\n\ttest_0\t \tk\n_0 x\na_b_4294967295 clé"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"ops_3":          "a key with blanks # and no comment",
		"test_0":         "k",
		"_0":             "x",
		"a_b_4294967295": "clé",
	}
	if len(s) != len(want) {
		t.Errorf("%d signers, want %d", len(s), len(want))
	}
	for id, key := range want {
		if string(s[id]) != key {
			t.Errorf("%s: key %q, want %q", id, s[id], key)
		}
	}
	if s, err := heka.ReadSigners(strings.NewReader("# nobody\n")); s == nil || err != nil {
		t.Errorf("a file without signers: %v, %v; want a set that knows nobody", s, err)
	}
}

func TestReadSignersNamesTheLineAndNeverTheKey(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ops_3":                              "line 1: no key",
		"\n# x\nops geheim":                  `line 3: "ops" is no id`,
		"ops_x geheim":                       `line 1: "ops_x" is no id: "x" is no version`,
		"ops_ geheim":                        "is no version",
		"ops_03 geheim":                      "is no version",
		"ops_-1 geheim":                      "is no version",
		"ops_4294967296 geheim":              "is no version",
		"a_0 x\nops_3 x\na_0 geheim":         "line 3: a_0 has a key already",
		"a_0 " + string(make([]byte, 1<<17)): "line 1",
	} {
		_, err := heka.ReadSigners(strings.NewReader(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", in, err, want)
		} else if strings.Contains(err.Error(), "geheim") {
			t.Errorf("%.40q: error tells the key: %v", in, err)
		}
	}
}

func TestSignerValidate(t *testing.T) {
	t.Parallel()
	longest := heka.Signer{Name: strings.Repeat("n", heka.MaxSignerName), Version: 1<<32 - 1, Hash: heka.SHA1}
	if err := longest.Validate(); err != nil {
		t.Error(err)
	}
	body := make([]byte, 1<<20)
	b := heka.AppendSignedFrame(nil, body, longest)
	s := heka.Scanner{MaxMessage: len(body)}
	if f, _, _ := s.Next(b); len(f.Body) != len(body) {
		t.Errorf("the largest header does not frame: %d bytes of body", len(f.Body))
	}
	for _, s := range []heka.Signer{{Name: longest.Name + "n"}, {Hash: 2}, {Hash: -1}} {
		if err := s.Validate(); err == nil {
			t.Errorf("%+v is valid", s)
		}
	}
}
