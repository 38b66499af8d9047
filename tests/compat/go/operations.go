package main

import (
	"bytes"
	"sort"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
)

func operations(hosts string) {
	c := connect(hosts, 10*time.Second)
	defer c.Close()
	c.make("/go", zk.FlagPersistent)
	data(c)
	modes(c)
	transactions(c)
	access(c, hosts)
	words(c, hosts)
}

func data(c *client) {
	check("data is read as it was written", func() {
		c.make("/go/data", zk.FlagPersistent)
		stat := got(c.Set("/go/data", []byte("hello"), 0))
		that(stat.Version == 1, "version %d", stat.Version)
		read, stat, err := c.Get("/go/data")
		must(err)
		that(bytes.Equal(read, []byte("hello")) && stat.DataLength == 5, "read %q", read)
	})
	check("a wrong version is refused", func() {
		_, err := c.Set("/go/data", nil, 7)
		refused(err, zk.ErrBadVersion)
		refused(c.Delete("/go/data", 7), zk.ErrBadVersion)
	})
	check("errors have their names", func() {
		_, err := c.Create("/go/data", nil, 0, open)
		refused(err, zk.ErrNodeExists)
		_, err = c.Create("/go/none/below", nil, 0, open)
		refused(err, zk.ErrNoNode)
		refused(c.Delete("/go", -1), zk.ErrNotEmpty)
		_, err = c.Create("/go/no-acl", nil, 0, []zk.ACL{})
		refused(err, zk.ErrInvalidACL)
	})
	check("children", func() {
		c.make("/go/children", zk.FlagPersistent)
		c.make("/go/children/b", zk.FlagPersistent)
		c.make("/go/children/a", zk.FlagPersistent)
		names, stat, err := c.Children("/go/children")
		must(err)
		sort.Strings(names)
		that(strings.Join(names, " ") == "a b" && stat.NumChildren == 2, "%v", names)
	})
	check("sync", func() {
		path := got(c.Sync("/go"))
		that(path == "/go", "%q", path)
	})
	check("a delete", func() {
		must(c.Delete("/go/children/a", 0))
		that(!c.has("/go/children/a"), "it is still there")
	})
}

func modes(c *client) {
	check("sequential znodes are numbered", func() {
		c.make("/go/modes", zk.FlagPersistent)
		first := c.make("/go/modes/s-", zk.FlagSequence)
		second := c.make("/go/modes/e-", zk.FlagEphemeralSequential)
		that(first == "/go/modes/s-0000000000", "%s", first)
		that(second == "/go/modes/e-0000000001", "%s", second)
	})
	check("an ephemeral names its owner and has no children", func() {
		path := c.make("/go/modes/ephemeral", zk.FlagEphemeral)
		_, stat, err := c.Get(path)
		must(err)
		that(stat.EphemeralOwner == c.SessionID(), "owner %x", stat.EphemeralOwner)
		_, err = c.Create(path+"/below", nil, 0, open)
		refused(err, zk.ErrNoChildrenForEphemerals)
	})
	check("a container", func() {
		path := got(c.CreateContainer("/go/modes/container", nil, zk.FlagContainer, open))
		_, stat, err := c.Get(path)
		must(err)
		that(stat.EphemeralOwner == 0, "owner %x", stat.EphemeralOwner)
	})
	check("znodes with a time to live", func() {
		path := got(c.CreateTTL("/go/modes/ttl", nil, zk.FlagTTL, open, time.Hour))
		that(path == "/go/modes/ttl" && c.has(path), "%s", path)
		path = got(c.CreateTTL("/go/modes/ttl-", nil, zk.FlagPersistentSequentialWithTTL, open,
			time.Hour))
		that(hasSuffix(path, "/go/modes/ttl-", "0000000005"), "%s", path)
	})
	check("a protected create", func() {
		path := got(c.CreateProtectedEphemeralSequential("/go/modes/p-", nil, open))
		that(strings.Contains(path, "/_c_") && hasSuffix(path, "/go/modes/", "p-0000000006"), "%s", path)
	})
}

func transactions(c *client) {
	check("a multi does everything", func() {
		results := got(c.Multi(
			&zk.CreateRequest{Path: "/go/multi", Data: []byte("1"), Acl: open},
			&zk.CreateRequest{Path: "/go/multi/s-", Acl: open, Flags: zk.FlagSequence},
			&zk.SetDataRequest{Path: "/go/multi", Data: []byte("2"), Version: 0},
			&zk.CheckVersionRequest{Path: "/go/multi", Version: 1},
			&zk.DeleteRequest{Path: "/go/data", Version: -1}))
		that(results[0].String == "/go/multi", "%v", results[0])
		that(results[1].String == "/go/multi/s-0000000000", "%v", results[1])
		that(results[2].Stat.Version == 1, "%v", results[2].Stat)
		that(!c.has("/go/data"), "the deleted znode is still there")
	})
	check("or nothing, and says why", func() {
		results, err := c.Multi(
			&zk.CreateRequest{Path: "/go/multi/never", Acl: open},
			&zk.CheckVersionRequest{Path: "/go/multi", Version: 7},
			&zk.DeleteRequest{Path: "/go/multi", Version: -1})
		refused(err, zk.ErrBadVersion)
		that(len(results) == 3 && results[1].Error == zk.ErrBadVersion, "%v", results)
		that(!c.has("/go/multi/never"), "a part of it happened")
	})
}

func access(c *client, hosts string) {
	check("a digest ACL keeps others out", func() {
		must(c.AddAuth("digest", []byte("ann:secret")))
		_, err := c.Create("/go/guarded", []byte("x"), 0, zk.DigestACL(zk.PermAll, "ann", "secret"))
		must(err)
		stranger := connect(hosts, 10*time.Second)
		defer stranger.Close()
		_, _, err = stranger.Get("/go/guarded")
		refused(err, zk.ErrNoAuth)
		must(stranger.AddAuth("digest", []byte("ann:wrong")))
		_, _, err = stranger.Get("/go/guarded")
		refused(err, zk.ErrNoAuth)
		must(stranger.AddAuth("digest", []byte("ann:secret")))
		_, _, err = stranger.Get("/go/guarded")
		must(err)
	})
	check("an ACL is read and set", func() {
		acl, stat, err := c.GetACL("/go/guarded")
		must(err)
		that(len(acl) == 1 && acl[0].Scheme == "digest" && stat.Aversion == 0, "%v", acl)
		_, err = c.SetACL("/go/guarded", open, 7)
		refused(err, zk.ErrBadVersion)
		stat = got(c.SetACL("/go/guarded", zk.AuthACL(zk.PermRead), 0))
		that(stat.Aversion == 1, "version %d", stat.Aversion)
		acl, _, err = c.GetACL("/go/guarded")
		must(err)
		that(acl[0].Perms == zk.PermRead && strings.HasPrefix(acl[0].ID, "ann:"), "%v", acl)
	})
}

func words(c *client, hosts string) {
	check("four-letter words", func() {
		that(zk.FLWRuok([]string{hosts}, patience)[0], "ruok")
		// The line of the asking connection itself has no session, which this client takes for an
		// error; the others count.
		told, _ := zk.FLWCons([]string{hosts}, patience)
		found := false
		for _, each := range told[0].Clients {
			found = found || each.SessionID == c.SessionID()
		}
		that(found, "cons does not name session %x", c.SessionID())
	})
}
