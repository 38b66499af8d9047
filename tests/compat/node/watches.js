'use strict';

const { Event } = require('node-zookeeper-client');
const { Client, check, ear } = require('./stage');

module.exports = async function watches(client, hosts) {
    const other = await Client.connected(hosts, 20000);
    const root = '/node/watches';
    await client.make(root);

    await check('a watch on data', async () => {
        const listener = ear();
        await client.ask('getData', root, listener.watcher);
        await other.ask('setData', root, Buffer.from('new'));
        await listener.hears(Event.NODE_DATA_CHANGED, root);
    });
    await check('a watch on what is not there yet', async () => {
        const listener = ear();
        await client.ask('exists', `${root}/later`, listener.watcher);
        await other.make(`${root}/later`);
        await listener.hears(Event.NODE_CREATED, `${root}/later`);
    });
    await check('a watch on children', async () => {
        const listener = ear();
        await client.ask('getChildren', root, listener.watcher);
        await other.make(`${root}/child`);
        await listener.hears(Event.NODE_CHILDREN_CHANGED, root);
    });
    await check('a deletion ends all watches', async () => {
        const data = ear();
        const children = ear();
        await client.ask('getData', `${root}/child`, data.watcher);
        await client.ask('getChildren', `${root}/child`, children.watcher);
        await other.ask('remove', `${root}/child`);
        await data.hears(Event.NODE_DELETED, `${root}/child`);
        await children.hears(Event.NODE_DELETED, `${root}/child`);
    });
    await other.close();
};
