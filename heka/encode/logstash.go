package encode

// logstashKeys are those of Heka's ESLogstashV0Encoder.
var logstashKeys = keys{`"@uuid":`, `"@timestamp":`, `"@type":`, `"@logger":`, `"@severity":`, `"@message":`, `"@envversion":`, `"@pid":`, `"@source_host":`, `"@fields":`}

// logstash appends the document of Heka's ESLogstashV0Encoder with
// use_message_type: @type is the message's own. Values are written as in the
// heka shape; @fields is there whenever it is listed, be it empty.
func (e *Encoder) logstash(dst []byte, r *Record) []byte {
	dst = append(dst, '{')
	start := len(dst)
	for _, p := range e.parts {
		dst = append(comma(dst, start), logstashKeys[p]...)
		if p == partDynamic {
			dst = append(dst, '{')
			dst = e.appendFields(dst, r.Message, len(dst))
			dst = append(dst, '}')
		} else {
			dst = appendHeader(dst, r.Message, p)
		}
	}
	return append(dst, '}')
}
