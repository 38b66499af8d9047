package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
)

// Longer than anything may take on a busy machine; a claim that holds never waits for it.
const patience = 20 * time.Second

var (
	failures int
	answers  = bufio.NewReader(os.Stdin)
)

// broken is what a claim panics with when it does not hold.
type broken string

// check runs one claim and prints how it went.
func check(name string, claim func()) {
	defer func() {
		switch why := recover().(type) {
		case nil:
			fmt.Println("ok", name)
		case broken:
			failures++
			fmt.Printf("not ok %s: %s\n", name, why)
		default:
			panic(why)
		}
	}()
	claim()
}

func that(holds bool, format string, arguments ...any) {
	if !holds {
		panic(broken(fmt.Sprintf(format, arguments...)))
	}
}

// must ends the claim unless the call before it succeeded.
func must(err error) {
	that(err == nil, "%v", err)
}

func got[T any](value T, err error) T {
	must(err)
	return value
}

func refused(err, wanted error) {
	that(err == wanted, "got %v instead of %v", err, wanted)
}

// order has the proxy or the server do something, and returns when it is done.
func order(what string) {
	fmt.Println(what)
	answer, err := answers.ReadString('\n')
	that(err == nil && answer == "done\n", "%q was answered with %q", what, answer)
}

// client is a connection with the session events it heard.
type client struct {
	*zk.Conn
	events <-chan zk.Event
}

type silent struct{}

func (silent) Printf(string, ...any) {}

func connect(hosts string, timeout time.Duration) *client {
	return connectBy(net.DialTimeout, hosts, timeout)
}

func connectBy(dialer zk.Dialer, hosts string, timeout time.Duration) *client {
	conn, events, err := zk.Connect(
		[]string{hosts}, timeout, zk.WithDialer(dialer), zk.WithLogger(silent{}))
	must(err)
	c := &client{conn, events}
	c.hears(zk.StateHasSession)
	return c
}

// hears waits for a session event with this state; those before it are passed over.
func (c *client) hears(state zk.State) {
	deadline := time.After(patience)
	for {
		select {
		case event := <-c.events:
			if event.State == state {
				return
			}
		case <-deadline:
			panic(broken(fmt.Sprintf("no %v within %v", state, patience)))
		}
	}
}

// fired waits for the event of a watch.
func fired(watch <-chan zk.Event, kind zk.EventType, path string) {
	select {
	case event := <-watch:
		that(event.Err == nil, "the watch ended with %v", event.Err)
		that(event.Type == kind && event.Path == path, "heard %v %s", event.Type, event.Path)
	case <-time.After(patience):
		panic(broken(fmt.Sprintf("no %v of %s within %v", kind, path, patience)))
	}
}

func isQuiet(watch <-chan zk.Event) bool {
	select {
	case <-watch:
		return false
	default:
		return true
	}
}

var open = zk.WorldACL(zk.PermAll)

func (c *client) make(path string, flags int32) string {
	return got(c.Create(path, []byte("x"), flags, open))
}

func (c *client) has(path string) bool {
	found, _, err := c.Exists(path)
	must(err)
	return found
}

func hasSuffix(path, prefix, number string) bool {
	return strings.HasPrefix(path, prefix) && strings.HasSuffix(path, number)
}
