package program

import (
	"context"
	"net"
	"os"
	"strconv"
	"time"
)

// notify tells systemd the state of the service (sd_notify(3)): lines such as
// READY=1. Without systemd it does nothing; a failure is not worth stopping for.
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if path[0] == '@' { // abstract socket
		path = "\x00" + path[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}

// watchdog pings systemd at half the interval it asks for (WatchdogSec) until
// ctx ends: the process is alive as long as its goroutines are scheduled.
func watchdog(ctx context.Context) {
	interval, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || interval <= 0 {
		return
	}
	tick := time.NewTicker(time.Duration(interval) * time.Microsecond / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			notify("WATCHDOG=1")
		}
	}
}
