'use strict';

const { CreateMode, Event, Exception, State } = require('node-zookeeper-client');
const { Client, check, ear, order, refused, that } = require('./stage');

const ROOT = '/node/sessions';

module.exports = async function sessions(witness, direct, through) {
    await witness.make(ROOT);
    await closing(witness, direct);
    await reconnecting(witness, through);
    await restarting(witness, through);
    await expiring(witness, through);
};

async function closing(witness, direct) {
    await check('ephemerals go when their session is closed', async () => {
        const client = await Client.connected(direct, 20000);
        const path = await client.make(`${ROOT}/closed`, CreateMode.EPHEMERAL);
        that(await witness.has(path), 'it is not there before');
        await client.close();
        await witness.gone(path);
    });
}

async function reconnecting(witness, through) {
    await check('a cut connection comes back with session, ephemerals and watches', async () => {
        const client = await Client.connected(through, 20000);
        const session = client.session;
        const path = await client.make(`${ROOT}/cut`, CreateMode.EPHEMERAL);
        const listener = ear();
        await client.ask('exists', `${ROOT}/missed`, listener.watcher);
        await order('proxy refuse');
        await client.hears(State.DISCONNECTED);
        await witness.make(`${ROOT}/missed`);
        await order('proxy heal');
        await client.hears(State.SYNC_CONNECTED);
        that(client.session === session, 'the session is another one');
        that(await client.has(path), 'the ephemeral is gone');
        await listener.hears(Event.NODE_CREATED, `${ROOT}/missed`);
        await client.close();
    });
}

async function restarting(witness, through) {
    await check('sessions and watches outlive a killed server', async () => {
        const client = await Client.connected(through, 20000);
        const session = client.session;
        const path = await client.make(`${ROOT}/restart`, CreateMode.EPHEMERAL);
        const listener = ear();
        await client.ask('getData', ROOT, listener.watcher);
        await order('server restart');
        await client.hears(State.DISCONNECTED);
        await client.hears(State.SYNC_CONNECTED);
        that(client.session === session, 'the session is another one');
        that(await client.has(path), 'the ephemeral is gone');
        await witness.hears(State.DISCONNECTED);
        await witness.hears(State.SYNC_CONNECTED);
        await witness.ask('setData', ROOT, Buffer.from('after'));
        await listener.hears(Event.NODE_DATA_CHANGED, ROOT);
        await client.close();
    });
}

async function expiring(witness, through) {
    await check('an expired session is noticed', async () => {
        const client = await Client.connected(through, 2000);
        const path = await client.make(`${ROOT}/expired`, CreateMode.EPHEMERAL);
        await order('proxy refuse');
        await witness.gone(path);
        await order('proxy heal');
        await client.hears(State.EXPIRED);
        // This client makes no new session by itself.
        const next = await Client.connected(through, 2000);
        that(next.session !== client.session, 'the session is the same one');
        await refused(next.ask('getData', path), Exception.NO_NODE);
        await next.close();
    });
    await check('a session is taken over by who knows its password', async () => {
        const client = await Client.connected(through, 20000);
        const path = await client.make(`${ROOT}/taken`, CreateMode.EPHEMERAL);
        await order('proxy refuse');
        const heir = await Client.connected(witness.zk.connectionManager.servers
            .map((server) => `${server.host}:${server.port}`).join(','), 20000, {
            sessionId: client.zk.getSessionId(), sessionPassword: client.zk.getSessionPassword(),
        });
        that(heir.session === client.session, 'the session is another one');
        await heir.close();
        await witness.gone(path);
        await order('proxy heal');
        await client.hears(State.EXPIRED);
    });
}
