// Smoke test of go-zookeeper/zk: `smoke DIRECT THROUGH`, where DIRECT is the server and THROUGH a
// proxy in front of it that obeys lines on standard output and answers on standard input.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: smoke DIRECT THROUGH")
		os.Exit(2)
	}
	direct, through := os.Args[1], os.Args[2]
	operations(direct)
	watches(direct)
	sessions(direct, through)
	secured(direct, through)
	if failures > 0 {
		os.Exit(1)
	}
}
