package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"lagermeister/heka"
	"lagermeister/heka/hekapb"
)

const sendAbout = `Sends records to a receiver: --count copies of one that the options describe, each
with its own uuid and time, or the frames of --file as they are.

ADDRESS is host:port or tcp://host:port, tls://host:port, http://… or https://….
Over HTTP the receiver answers what it has stored. TCP knows no answer: a record
is the receiver's once read, and what it refuses only its counters tell.`

// maxRequest bounds the body of one HTTP request, bytes. A record that is
// larger has a request of its own.
const maxRequest = 1 << 20

// send is the successor of heka-inject.
func send(ctx context.Context, c console, args []string) error {
	flags := newFlags(c, "send", "[options]", sendAbout)
	host, _ := os.Hostname()
	var d draft
	var to target
	flags.StringVar(&to.address, "to", "127.0.0.1:35000", "`ADDRESS` of the receiver")
	flags.DurationVar(&to.timeout, "timeout", 10*time.Second, "how long to wait for the receiver, each time")
	flags.StringVar(&to.ca, "ca", "", "`FILE` with the authorities that sign the receiver's certificate, PEM")
	flags.StringVar(&to.cert, "cert", "", "`FILE` with a client certificate, PEM")
	flags.StringVar(&to.key, "key", "", "`FILE` with its key, PEM")
	flags.StringVar(&d.Type, "type", "inject.message", "type")
	flags.StringVar(&d.Logger, "logger", "Inject Client", "logger")
	flags.StringVar(&d.Payload, "payload", "", "payload")
	flags.StringVar(&d.Hostname, "hostname", host, "host name")
	flags.StringVar(&d.EnvVersion, "env-version", "", "version of the environment; absent when empty")
	flags.Func("severity", "syslog `LEVEL` (default 7)", d.setSeverity)
	flags.Func("pid", "process `ID` (default that of this process)", d.setPid)
	flags.Func("field", "dynamic field, `NAME=VALUE` or NAME:TYPE=VALUE with a TYPE of "+strings.Join(typeNames, ", ")+"; may be given often", d.addField)
	count := flags.Int("count", 1, "how many records")
	file := flags.String("file", "", "send the frames of `FILE` instead; - is the standard input")
	maxMessage := flags.Int("max-message-size", heka.DefaultMaxMessage, "largest message in --file, `BYTES`; a frame that announces more is skipped")
	signersFile := flags.String("signers", "", "`FILE` with keys, for --sign")
	sign := flags.String("sign", "", "sign as `NAME_VERSION` with the key of that line in --signers; frames of a file are signed anew")
	hash := flags.String("hash", "sha1", "hash of the signature, md5 or sha1")
	rest, err := parseFlags(flags, args)
	if err == nil {
		err = noArguments(flags, rest)
	}
	if err != nil {
		return err
	}
	if *count < 1 || *maxMessage < 1 {
		return usageError("--count %d, --max-message-size %d: want 1 or more", *count, *maxMessage)
	}
	signer, err := findSigner(*signersFile, *sign, *hash)
	if err != nil {
		return err
	}
	source := d.source(*count)
	if *file != "" {
		in, err := openInput(c, *file)
		if err != nil {
			return err
		}
		defer in.Close()
		k := catter{console: c, name: *file}
		source = fileSource(k.reader(in, *maxMessage))
	}
	out, err := to.open(ctx)
	if err != nil {
		return err
	}
	defer out.close()
	if err := transfer(source, signer, out); err != nil {
		return err
	}
	fmt.Fprintln(c.out, out.report())
	return nil
}

// source yields one body or frame after the other; io.EOF ends it. A frame of
// the raw form is sent as it is unless it is to be signed.
type source func() (raw, body []byte, err error)

// transfer sends everything in portions, each of whole frames.
func transfer(next source, signer *heka.Signer, out outlet) error {
	var portion []byte
	records := 0
	flush := func() error {
		if records == 0 {
			return nil
		}
		err := out.send(portion, records)
		portion, records = portion[:0], 0
		return err
	}
	for {
		raw, body, err := next()
		if errors.Is(err, io.EOF) {
			return errors.Join(flush(), out.finish())
		}
		if err != nil {
			return errors.Join(err, flush())
		}
		if records > 0 && len(portion)+heka.MaxFrame(len(body)) > maxRequest {
			if err := flush(); err != nil {
				return err
			}
		}
		switch {
		case signer != nil:
			portion = heka.AppendSignedFrame(portion, body, *signer)
		case raw != nil:
			portion = append(portion, raw...)
		default:
			portion = heka.AppendFrame(portion, body)
		}
		records++
	}
}

// fileSource yields the frames of a file.
func fileSource(frames *heka.Reader) source {
	return func() (raw, body []byte, err error) {
		f, err := frames.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			err = fmt.Errorf("read frames: %w", err)
		}
		return f.Raw, f.Body, err
	}
}

// draft is the record that the options describe.
type draft struct {
	Type, Logger, Payload, Hostname, EnvVersion string
	severity, pid                               *int32
	fields                                      []*hekapb.Field
}

// source yields count messages of the draft. The payload is always present,
// also when it is empty: a record needs one, or a field.
func (d *draft) source(count int) source {
	pb := &hekapb.Message{
		Type: &d.Type, Logger: &d.Logger, Payload: &d.Payload, Hostname: &d.Hostname,
		Severity: d.severity, Pid: d.pid, Fields: d.fields, Uuid: make([]byte, heka.UUIDSize),
	}
	if d.severity == nil {
		pb.Severity = proto.Int32(heka.DefaultSeverity)
	}
	if d.pid == nil {
		pb.Pid = proto.Int32(int32(os.Getpid()))
	}
	if d.EnvVersion != "" {
		pb.EnvVersion = &d.EnvVersion
	}
	return func() (raw, body []byte, err error) {
		if count == 0 {
			return nil, nil, io.EOF
		}
		count--
		rand.Read(pb.Uuid)
		pb.Uuid[6], pb.Uuid[8] = pb.Uuid[6]&0x0F|0x40, pb.Uuid[8]&0x3F|0x80 // version 4, RFC 9562
		pb.Timestamp = proto.Int64(time.Now().UnixNano())
		body, err = proto.Marshal(pb)
		return nil, body, err
	}
}

func (d *draft) setSeverity(s string) (err error) { d.severity, err = parseInt32(s); return }
func (d *draft) setPid(s string) (err error)      { d.pid, err = parseInt32(s); return }

func parseInt32(s string) (*int32, error) {
	v, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return nil, errors.New("want a whole number of 32 bits")
	}
	return proto.Int32(int32(v)), nil
}

// addField reads NAME=VALUE or NAME:TYPE=VALUE.
func (d *draft) addField(s string) (err error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok {
		return errors.New("want NAME=VALUE or NAME:TYPE=VALUE")
	}
	t := heka.StringType
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		for j, word := range typeNames {
			if name[i+1:] == word {
				name, t = name[:i], heka.ValueType(j)
				break
			}
		}
	}
	f := &hekapb.Field{Name: &name, ValueType: hekapb.Field_ValueType(t).Enum()}
	switch t {
	case heka.StringType:
		f.ValueString = []string{value}
	case heka.BytesType:
		f.ValueBytes = [][]byte{[]byte(value)}
	case heka.IntegerType:
		var v int64
		v, err = strconv.ParseInt(value, 10, 64)
		f.ValueInteger = []int64{v}
	case heka.DoubleType:
		var v float64
		v, err = strconv.ParseFloat(value, 64)
		f.ValueDouble = []float64{v}
	case heka.BoolType:
		var v bool
		v, err = strconv.ParseBool(value)
		f.ValueBool = []bool{v}
	}
	if err != nil {
		return fmt.Errorf("%q is no value of type %s", value, typeName(t))
	}
	d.fields = append(d.fields, f)
	return nil
}

// findSigner returns the signer that --sign names, nil without it.
func findSigner(file, id, hash string) (*heka.Signer, error) {
	if id == "" {
		return nil, nil
	}
	functions := map[string]heka.HashFunction{"md5": heka.MD5, "sha1": heka.SHA1}
	function, known := functions[hash]
	switch {
	case !known:
		return nil, usageError("--hash %q: want md5 or sha1", hash)
	case file == "":
		return nil, usageError("--sign %s: --signers must name the file with its key", id)
	}
	signers, err := readSigners(file)
	if err != nil {
		return nil, err
	}
	key, ok := signers[id]
	i := strings.LastIndexByte(id, '_')
	if !ok || i < 0 {
		return nil, usageError("--sign %s: %s has no line for it", id, file)
	}
	version, err := strconv.ParseUint(id[i+1:], 10, 32)
	if err != nil {
		return nil, usageError("--sign %s: want NAME_VERSION", id)
	}
	s := &heka.Signer{Name: id[:i], Version: uint32(version), Key: key, Hash: function}
	if err := s.Validate(); err != nil {
		return nil, usageError("--sign: %w", err)
	}
	return s, nil
}
