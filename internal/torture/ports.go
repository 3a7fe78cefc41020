package torture

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports below those that the kernel gives to outgoing connections: a process must
// find its port free when it comes back.
const firstPort, lastPort = 18000, 31000

var ports struct {
	sync.Mutex
	taken map[int]bool
}

// freeAddr is an address on loopback that nobody listens on, and that it never
// gives out again.
func freeAddr() string {
	ports.Lock()
	defer ports.Unlock()
	if ports.taken == nil {
		ports.taken = map[int]bool{}
	}
	for {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if ports.taken[port] {
			continue
		}
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			ports.taken[port] = true
			return addr
		}
	}
}
