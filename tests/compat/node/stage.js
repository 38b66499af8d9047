// What the smoke test stands on: claims, clients that remember what they heard, and orders to the
// server and to the proxy in front of it. Nothing here waits without a deadline.
'use strict';

const readline = require('readline');
const zookeeper = require('node-zookeeper-client');

// Longer than anything may take on a busy machine; a claim that holds never waits for it.
const PATIENCE = 20000;

const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let failures = 0;

// Runs one claim and prints how it went.
async function check(name, claim) {
    try {
        await claim();
        console.log(`ok ${name}`);
    } catch (why) {
        failures += 1;
        console.log(`not ok ${name}: ${why.message || why}`);
    }
}

function that(holds, why) {
    if (!holds) {
        throw new Error(why);
    }
}

// Has the proxy or the server do something; resolves when it is done.
async function order(what) {
    console.log(what);
    const answer = await answers.next();
    that(answer.value === 'done', `${what} was answered with ${answer.value}`);
}

function within(promise, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not within ${PATIENCE} ms: ${what}`)), PATIENCE);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Calls a method of the library that takes a callback; resolves with what it was called with.
function ask(subject, method, ...words) {
    return within(new Promise((resolve, reject) => {
        subject[method](...words, (error, ...results) => {
            if (error) {
                reject(error);
            } else {
                resolve(results.length > 1 ? results : results[0]);
            }
        });
    }), `${method} ${words[0]}`);
}

// Resolves when the call fails with this error, and only then.
async function refused(call, code) {
    let result;
    try {
        result = await call;
    } catch (error) {
        that(error.code === code, `failed with ${error.name || error.message}`);
        return;
    }
    throw new Error(`succeeded with ${JSON.stringify(result)}`);
}

// A watcher, and a promise of the first event it hears.
function ear() {
    let heard;
    const event = new Promise((resolve) => { heard = resolve; });
    return {
        watcher: heard,
        async hears(type, path) {
            const got = await within(event, `an event of ${path}`);
            that(got.getType() === type && got.getPath() === path, `heard ${got}`);
        },
    };
}

class Client {
    constructor(hosts, timeout, options = {}) {
        this.states = [];
        this.waiting = [];
        this.zk = zookeeper.createClient(
            hosts, { sessionTimeout: timeout, spinDelay: 50, ...options });
        this.zk.on('state', (state) => {
            this.states.push(state);
            this.waiting.splice(0).forEach((wake) => wake());
        });
        this.zk.connect();
    }

    static async connected(hosts, timeout, options) {
        const client = new Client(hosts, timeout, options);
        await client.hears(zookeeper.State.SYNC_CONNECTED);
        return client;
    }

    // The next change to this state; those before it are passed over.
    async hears(state) {
        for (;;) {
            while (this.states.length > 0) {
                if (this.states.shift() === state) {
                    return;
                }
            }
            const change = new Promise((resolve) => this.waiting.push(resolve));
            await within(change, `state ${state.name}`);
        }
    }

    ask(method, ...words) {
        return ask(this.zk, method, ...words);
    }

    make(path, mode = zookeeper.CreateMode.PERSISTENT) {
        return this.ask('create', path, Buffer.from('x'), mode);
    }

    async has(path) {
        return Boolean(await this.ask('exists', path));
    }

    // Waits until an ephemeral of another session is deleted.
    async gone(path) {
        const listener = ear();
        if (await this.ask('exists', path, listener.watcher)) {
            await listener.hears(zookeeper.Event.NODE_DELETED, path);
        }
    }

    get session() {
        return this.zk.getSessionId().toString('hex');
    }

    async close() {
        this.zk.close();
        await this.hears(zookeeper.State.DISCONNECTED);
    }
}

module.exports = { Client, ask, check, ear, order, refused, that, failed: () => failures > 0 };
