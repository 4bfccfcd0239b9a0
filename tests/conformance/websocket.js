// An echo server, and a client that sends through the proxy what WebSocket has: frames of every
// length class, fragments, both kinds of text, pings, close codes. Exits 1 with the first difference.
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const { WebSocket, WebSocketServer } = require('ws');

const [port, url] = process.argv.slice(2);
const LARGE = 64 * 1024 * 1024;

function once(emitter, name) {
  return new Promise((resolve, reject) => {
    const lost = (code) => reject(new Error(name + ': closed ' + code));
    emitter.once(name, (...args) => {
      emitter.off('close', lost);
      resolve(args);
    });
    if (name !== 'close') emitter.once('close', lost);
  });
}

async function echo(ws, message, options) {
  const answer = once(ws, 'message');
  ws.send(message, options || {});
  const [data, binary] = await answer;
  assert.strictEqual(binary, typeof message !== 'string');
  assert(Buffer.compare(data, Buffer.from(message)) === 0, 'another message');
}

async function client() {
  const ws = new WebSocket(url, { maxPayload: LARGE, perMessageDeflate: false });
  await once(ws, 'open');
  for (const size of [0, 1, 125, 126, 65535, 65536, 1 << 20, LARGE])
    await echo(ws, crypto.randomBytes(size));
  await echo(ws, 'straße '.repeat(1000));
  const whole = crypto.randomBytes(300000);
  const answer = once(ws, 'message');
  ws.send(whole.subarray(0, 100000), { fin: false });
  ws.send(whole.subarray(100000, 100001), { fin: false });
  ws.send(whole.subarray(100001), { fin: true });
  assert(Buffer.compare((await answer)[0], whole) === 0, 'fragments');
  const pong = once(ws, 'pong');
  ws.ping('are you there');
  assert.strictEqual(String((await pong)[0]), 'are you there');
  const closed = once(ws, 'close');
  ws.close(4321, 'enough');
  const [code, reason] = await closed;
  assert.strictEqual(code, 4321);
  assert.strictEqual(String(reason), 'enough');
}

const server = new WebSocketServer({ host: '127.0.0.1', port: +port, maxPayload: LARGE });
server.on('connection', (ws) => {
  ws.on('message', (data, binary) => ws.send(data, { binary }));
  ws.on('close', (code, reason) => ws.close(code, reason));
});
server.on('listening', async () => {
  try {
    await client();
    process.exit(0);
  } catch (e) {
    console.error(e);
    process.exit(1);
  }
});
