package subscriber

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// puller asks a consumer for messages, one request after the other, all of them
// answered on one subscription.
//
// A replicated consumer sends a message once a quorum knows of its delivery, but
// the word that a request is over at once, so that the word overtakes messages
// (nats-server 2.15, replicateDeliveries). Who ends his subscription with that
// word, as Fetch of nats.go does, never sees them, and the group has them again
// only after ack_wait. Here a request is over when as many messages have come as
// the word says were sent, and what is later still is taken like any other.
type puller struct {
	nc       *nats.Conn
	sub      *nats.Subscription
	messages chan *nats.Msg
	subject  string // of requests
	inbox    string

	request uint64 // counts them; the last part of the subject of its answers
	asked   int    // messages the present one may bring
	came    int
	sent    int // by the word that it is over; -1 before that
	end     time.Time
}

// straggling is how long after its time a request may go on, for what was sent
// and has not come: a quorum takes milliseconds, unless it is lost.
const straggling = time.Second

// The status words of JetStream's answers to requests for messages.
const (
	statusIdle     = "100" // heartbeat or flow control
	statusNone     = "404"
	statusTimeout  = "408"
	statusConflict = "409"
)

// newPuller subscribes; close ends it. The stream and the consumer need not be there.
func newPuller(nc *nats.Conn, stream, consumer string) (*puller, error) {
	p := &puller{
		nc: nc, inbox: nc.NewInbox() + ".", subject: "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer,
		// The client drops what finds it full: room for what several requests bring.
		messages: make(chan *nats.Msg, 4*fetchBlocks),
	}
	var err error
	if p.sub, err = nc.ChanSubscribe(p.inbox+"*", p.messages); err != nil {
		return nil, fmt.Errorf("subscribe to the deliveries of consumer %s of stream %s: %w", consumer, stream, err)
	}
	return p, nil
}

func (p *puller) close() { _ = p.sub.Unsubscribe() } // fails when it is gone already

// ask makes a request for so many messages or bytes as there are now, or else
// within wait. The one before must be over.
func (p *puller) ask(messages int, bytes int64, wait time.Duration) error {
	p.request++
	p.asked, p.came, p.sent = messages, 0, -1
	p.end = time.Now().Add(wait + straggling)
	body, err := json.Marshal(struct {
		Expires  time.Duration `json:"expires"`
		Batch    int           `json:"batch"`
		MaxBytes int64         `json:"max_bytes"`
	}{wait, messages, bytes})
	if err != nil {
		return err
	}
	return p.nc.PublishRequest(p.subject, p.inbox+strconv.FormatUint(p.request, 10), body)
}

// over says that the request has brought all it will. One that is never answered
// is over at its end.
func (p *puller) over() bool {
	return p.came >= p.asked || p.sent >= 0 && p.came >= p.sent
}

// take tells a delivery, which wants an answer, from a word about a request. The
// error says why the present one ended otherwise than by having brought all there
// was. What is late from the one before counts for the present one; then that is
// over too early, which costs nothing.
func (p *puller) take(m *nats.Msg) (delivery bool, err error) {
	if m.Reply != "" {
		p.came++
		return true, nil
	}
	status := m.Header.Get("Status")
	if status == statusIdle || m.Subject != p.inbox+strconv.FormatUint(p.request, 10) {
		return false, nil
	}
	p.sent = 0
	if pending, err := strconv.Atoi(m.Header.Get("Nats-Pending-Messages")); err == nil {
		p.sent = max(p.asked-pending, 0)
	}
	return false, endedBy(status, m.Header.Get("Description"))
}

// endedBy is nil for the words that end a request as it should.
func endedBy(status, description string) error {
	switch {
	case status == statusNone, status == statusTimeout,
		status == statusConflict && (description == "Batch Completed" || description == "Message Size Exceeds MaxBytes"):
		return nil
	case status == "503":
		return nats.ErrNoResponders
	case description == "":
		return errors.New("nats: status " + status)
	}
	return errors.New("nats: " + description)
}
