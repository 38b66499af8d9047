package main

import (
	"time"

	"github.com/go-zookeeper/zk"
)

func watches(hosts string) {
	c := connect(hosts, 10*time.Second)
	defer c.Close()
	other := connect(hosts, 10*time.Second)
	defer other.Close()
	c.make("/go/watches", zk.FlagPersistent)

	check("a watch on data", func() {
		c.make("/go/watches/data", zk.FlagPersistent)
		_, _, watch, err := c.GetW("/go/watches/data")
		must(err)
		got(other.Set("/go/watches/data", []byte("new"), -1))
		fired(watch, zk.EventNodeDataChanged, "/go/watches/data")
	})
	check("a watch on what is not there yet", func() {
		_, _, watch, err := c.ExistsW("/go/watches/later")
		must(err)
		other.make("/go/watches/later", zk.FlagPersistent)
		fired(watch, zk.EventNodeCreated, "/go/watches/later")
	})
	check("a watch on children", func() {
		_, _, watch, err := c.ChildrenW("/go/watches")
		must(err)
		got(other.Set("/go/watches", nil, -1))
		that(isQuiet(watch), "a change of data is none of children")
		other.make("/go/watches/child", zk.FlagPersistent)
		fired(watch, zk.EventNodeChildrenChanged, "/go/watches")
	})
	check("a deletion ends all watches", func() {
		_, _, data, err := c.GetW("/go/watches/child")
		must(err)
		_, _, children, err := c.ChildrenW("/go/watches/child")
		must(err)
		must(other.Delete("/go/watches/child", -1))
		fired(data, zk.EventNodeDeleted, "/go/watches/child")
		fired(children, zk.EventNodeDeleted, "/go/watches/child")
	})
}
