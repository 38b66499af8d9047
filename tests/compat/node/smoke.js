// Smoke test of node-zookeeper-client: `smoke.js DIRECT THROUGH`, where DIRECT is the server and
// THROUGH a proxy in front of it that obeys lines on standard output and answers on standard input.
'use strict';

const { Client, failed } = require('./stage');
const operations = require('./operations');
const watches = require('./watches');
const sessions = require('./sessions');

async function main(direct, through) {
    const client = await Client.connected(direct, 20000);
    await client.make('/node');
    await operations(client, direct);
    await watches(client, direct);
    await sessions(client, direct, through);
    await client.close();
}

main(process.argv[2], process.argv[3]).then(
    () => process.exit(failed() ? 1 : 0),
    (error) => {
        console.log(`not ok the program ends by itself: ${error.stack}`);
        process.exit(1);
    });
