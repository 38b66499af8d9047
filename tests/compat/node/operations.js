'use strict';

const crypto = require('crypto');

const { ACL, CreateMode, Exception, Id, Permission } = require('node-zookeeper-client');
const { Client, ask, check, refused, that } = require('./stage');

module.exports = async function operations(client, hosts) {
    await data(client);
    await modes(client);
    await transactions(client);
    await access(client, hosts);
    await below(hosts);
};

async function data(client) {
    await check('data is read as it was written', async () => {
        that(await client.make('/node/data') === '/node/data', 'another path');
        const stat = await client.ask('setData', '/node/data', Buffer.from('hello'), 0);
        that(stat.version === 1, `version ${stat.version}`);
        const [read, seen] = await client.ask('getData', '/node/data');
        that(read.toString() === 'hello' && seen.dataLength === 5, `read ${read}`);
    });
    await check('a wrong version is refused', async () => {
        await refused(client.ask('setData', '/node/data', Buffer.from('x'), 7),
            Exception.BAD_VERSION);
        await refused(client.ask('remove', '/node/data', 7), Exception.BAD_VERSION);
    });
    await check('errors have their names', async () => {
        await refused(client.make('/node/data'), Exception.NODE_EXISTS);
        await refused(client.make('/node/none/below'), Exception.NO_NODE);
        await refused(client.ask('getData', '/node/none'), Exception.NO_NODE);
        await refused(client.ask('remove', '/node'), Exception.NOT_EMPTY);
    });
    await check('missing parents are made, children are listed', async () => {
        await client.ask('mkdirp', '/node/children/b');
        await client.ask('mkdirp', '/node/children/a');
        const [names, stat] = await client.ask('getChildren', '/node/children');
        that(names.sort().join(' ') === 'a b' && stat.numChildren === 2, names.join(' '));
    });
    await check('a subtree is listed and removed', async () => {
        const paths = await client.ask('listSubTreeBFS', '/node/children');
        that(paths.length === 3 && paths.includes('/node/children/b'), paths.join(' '));
        await client.ask('removeRecursive', '/node/children');
        that(!await client.has('/node/children'), 'it is still there');
    });
}

async function modes(client) {
    await check('sequential znodes are numbered', async () => {
        await client.make('/node/modes');
        const first = await client.make('/node/modes/s-', CreateMode.PERSISTENT_SEQUENTIAL);
        const second = await client.make('/node/modes/e-', CreateMode.EPHEMERAL_SEQUENTIAL);
        that(first === '/node/modes/s-0000000000', first);
        that(second === '/node/modes/e-0000000001', second);
    });
    await check('an ephemeral names its owner and has no children', async () => {
        const path = await client.make('/node/modes/ephemeral', CreateMode.EPHEMERAL);
        const stat = await client.ask('exists', path);
        that(stat.ephemeralOwner.toString('hex') === client.session, 'another owner');
        await refused(client.make(`${path}/below`), Exception.NO_CHILDREN_FOR_EPHEMERALS);
    });
}

async function transactions(client) {
    await check('a transaction does everything', async () => {
        const results = await ask(client.zk.transaction()
            .create('/node/multi', Buffer.from('1'))
            .create('/node/multi/s-', CreateMode.EPHEMERAL_SEQUENTIAL)
            .setData('/node/multi', Buffer.from('2'), 0)
            .check('/node/multi', 1)
            .remove('/node/data', -1), 'commit');
        that(results[0].path === '/node/multi', JSON.stringify(results));
        that(results[1].path === '/node/multi/s-0000000000', JSON.stringify(results));
        that(results[2].stat.version === 1, JSON.stringify(results));
        that(!await client.has('/node/data'), 'the removed znode is still there');
    });
    await check('or nothing', async () => {
        await refused(ask(client.zk.transaction()
            .create('/node/multi/never')
            .check('/node/multi', 7)
            .remove('/node/multi'), 'commit'), Exception.BAD_VERSION);
        that(!await client.has('/node/multi/never'), 'a part of it happened');
    });
}

async function access(client, hosts) {
    const hash = crypto.createHash('sha1').update('ann:secret').digest('base64');
    const anns = [new ACL(Permission.ALL, new Id('digest', `ann:${hash}`))];
    await check('a digest ACL keeps others out', async () => {
        await client.ask('create', '/node/guarded', Buffer.from('x'), anns, CreateMode.PERSISTENT);
        await refused(client.ask('getData', '/node/guarded'), Exception.NO_AUTH);
        const ann = await Client.connected(hosts, 20000);
        await ann.zk.addAuthInfo('digest', Buffer.from('ann:secret'));
        await ann.ask('getData', '/node/guarded');
        await refused(ann.ask('setACL', '/node/guarded', ACL.OPEN_ACL_UNSAFE, 7),
            Exception.BAD_VERSION);
        const stat = await ann.ask('setACL', '/node/guarded', ACL.OPEN_ACL_UNSAFE, 0);
        that(stat.aversion === 1, `version ${stat.aversion}`);
        await ann.close();
        await client.ask('getData', '/node/guarded');
        const [acls] = await client.ask('getACL', '/node/guarded');
        that(acls.length === 1 && acls[0].permission === Permission.ALL, JSON.stringify(acls));
    });
    await check('the creator of a znode keeps it for itself', async () => {
        const ann = await Client.connected(hosts, 20000);
        ann.zk.addAuthInfo('digest', Buffer.from('ann:secret'));
        await ann.ask('create', '/node/own', null, ACL.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
        const [acls] = await ann.ask('getACL', '/node/own');
        that(acls[0].id.id === `ann:${hash}`, JSON.stringify(acls));
        await refused(client.ask('getData', '/node/own'), Exception.NO_AUTH);
        await ann.close();
    });
}

async function below(hosts) {
    await check('a root of its own for a client', async () => {
        const client = await Client.connected(`${hosts}/node`, 20000);
        that(await client.make('/rooted') === '/rooted', 'another path');
        const [names] = await client.ask('getChildren', '/');
        that(names.includes('rooted') && names.includes('multi'), names.join(' '));
        await client.close();
    });
}
