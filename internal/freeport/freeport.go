// Package freeport gives out ports for servers that tests start, kill and start
// again: a process must find its port free when it comes back.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports below those that the kernel gives to outgoing connections and to listeners
// on port 0. They are taken in blocks, and whoever listens on the first of a block,
// for as long as he lives, has the others: so two processes on one machine do not
// take each other's.
const (
	firstPort = 18000
	blocks    = 60
	blockSize = 200
)

var ports struct {
	sync.Mutex
	next, end int            // of the present block
	held      []net.Listener // first ports
}

// Addr is an address on loopback that nobody listens on, and that it never gives
// out again. It may be called by any number of goroutines.
func Addr() string {
	ports.Lock()
	defer ports.Unlock()
	for {
		if ports.next == ports.end {
			takeBlock()
		}
		addr := fmt.Sprintf("127.0.0.1:%d", ports.next)
		ports.next++
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
}

// takeBlock waits until some block is free.
func takeBlock() {
	for {
		first := firstPort + blockSize*rand.IntN(blocks)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first)); err == nil {
			ports.held = append(ports.held, l)
			ports.next, ports.end = first+1, first+blockSize
			return
		}
	}
}
