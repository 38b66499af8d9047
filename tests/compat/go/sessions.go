package main

import (
	"time"

	"github.com/go-zookeeper/zk"
)

func sessions(direct, through string) {
	witness := connect(direct, 20*time.Second)
	defer witness.Close()
	witness.make("/go/sessions", zk.FlagPersistent)
	closing(direct, witness)
	reconnecting(through, witness)
	restarting(through, witness)
	expiring(through, witness)
	locking(direct, through, witness)
}

// gone waits until an ephemeral of another session is deleted.
func (c *client) gone(path string) {
	found, _, watch, err := c.ExistsW(path)
	must(err)
	if found {
		fired(watch, zk.EventNodeDeleted, path)
	}
}

func closing(direct string, witness *client) {
	check("ephemerals go when their session is closed", func() {
		c := connect(direct, 20*time.Second)
		path := c.make("/go/sessions/closed", zk.FlagEphemeral)
		that(witness.has(path), "it is not there before")
		c.Close()
		witness.gone(path)
	})
}

func reconnecting(through string, witness *client) {
	check("a cut connection comes back with session, ephemerals and watches", func() {
		c := connect(through, 20*time.Second)
		defer c.Close()
		session := c.SessionID()
		path := c.make("/go/sessions/cut", zk.FlagEphemeral)
		_, _, watch, err := c.ExistsW("/go/sessions/missed")
		must(err)
		order("proxy refuse")
		c.hears(zk.StateDisconnected)
		witness.make("/go/sessions/missed", zk.FlagPersistent)
		order("proxy heal")
		c.hears(zk.StateHasSession)
		that(c.SessionID() == session, "the session is another one")
		that(c.has(path), "the ephemeral is gone")
		fired(watch, zk.EventNodeCreated, "/go/sessions/missed")
	})
}

func restarting(through string, witness *client) {
	check("sessions and watches outlive a killed server", func() {
		c := connect(through, 20*time.Second)
		defer c.Close()
		session := c.SessionID()
		path := c.make("/go/sessions/restart", zk.FlagEphemeral)
		_, _, watch, err := c.GetW("/go/sessions")
		must(err)
		order("server restart")
		c.hears(zk.StateDisconnected)
		c.hears(zk.StateHasSession)
		that(c.SessionID() == session, "the session is another one")
		that(c.has(path), "the ephemeral is gone")
		witness.hears(zk.StateDisconnected)
		witness.hears(zk.StateHasSession)
		got(witness.Set("/go/sessions", []byte("after"), -1))
		fired(watch, zk.EventNodeDataChanged, "/go/sessions")
	})
}

func expiring(through string, witness *client) {
	check("an expired session is noticed, and a new one follows", func() {
		c := connect(through, 2*time.Second)
		defer c.Close()
		session := c.SessionID()
		path := c.make("/go/sessions/expired", zk.FlagEphemeral)
		_, _, watch, err := c.GetW("/go/sessions")
		must(err)
		order("proxy refuse")
		witness.gone(path)
		order("proxy heal")
		c.hears(zk.StateExpired)
		c.hears(zk.StateHasSession)
		that(c.SessionID() != session, "the session is the same one")
		select {
		case event := <-watch:
			that(event.Err == zk.ErrSessionExpired, "the watch ended with %v", event.Err)
		case <-time.After(patience):
			panic(broken("the watch of the expired session was never told"))
		}
	})
}

func locking(direct, through string, witness *client) {
	check("a lock passes from holder to waiter, also by expiry", func() {
		holder, waiter := connect(through, 2*time.Second), connect(direct, 10*time.Second)
		defer holder.Close()
		defer waiter.Close()
		first := zk.NewLock(holder.Conn, "/go/lock", open)
		second := zk.NewLock(waiter.Conn, "/go/lock", open)
		must(first.Lock())
		refused(first.Lock(), zk.ErrDeadlock)
		acquired := make(chan error, 1)
		go func() { acquired <- second.Lock() }()
		waits(witness, "/go/lock", 2)
		that(len(acquired) == 0, "two hold it")
		order("proxy refuse")
		select {
		case err := <-acquired:
			must(err)
		case <-time.After(patience):
			panic(broken("the waiter never gets it"))
		}
		order("proxy heal")
		must(second.Unlock())
		refused(second.Unlock(), zk.ErrNotLocked)
	})
}

// waits until a znode has so many children.
func waits(c *client, path string, count int) {
	for {
		names, _, watch, err := c.ChildrenW(path)
		must(err)
		if len(names) == count {
			return
		}
		fired(watch, zk.EventNodeChildrenChanged, path)
	}
}
