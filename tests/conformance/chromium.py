#!/usr/bin/env python3
"""The endpoint of chromium.sh: a page that tries WebSockets, their echo, and what the page reports."""

import asyncio
import http
import sys
import urllib.parse

import websockets

PAGE = """<!doctype html><title>WebSockets</title><script>
const say = text => fetch('/report?' + encodeURIComponent(text));
const fail = why => { say('FAILED: ' + why); throw new Error(why); };
window.onerror = (message) => { say('FAILED: ' + message); };
function random(size) {
  const out = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536)
    crypto.getRandomValues(out.subarray(at, Math.min(size, at + 65536)));
  return out;
}
function open(path) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket('wss://' + location.host + path, 'echo');
    ws.binaryType = 'arraybuffer';
    ws.onopen = () => resolve(ws);
    ws.onerror = () => reject(new Error(path + ' does not open'));
  });
}
function echo(ws, message) {
  return new Promise((resolve, reject) => {
    ws.onmessage = event => resolve(event.data);
    ws.onclose = event => reject(new Error('closed ' + event.code));
    ws.send(message);
  });
}
function close(ws, code, reason) {
  return new Promise(resolve => { ws.onclose = resolve; ws.close(code, reason); });
}
async function one(n) {
  const ws = await open('/ws/' + n);
  if (ws.protocol !== 'echo') fail('subprotocol ' + ws.protocol);
  for (const size of [0, 1, 125, 126, 65535, 65536, 4 << 20]) {
    const sent = random(size), got = new Uint8Array(await echo(ws, sent));
    if (got.length !== size || got.some((byte, i) => byte !== sent[i])) fail(size + ' bytes');
  }
  if (await echo(ws, 'stra\\u00dfe') !== 'stra\\u00dfe') fail('text');
  const end = await close(ws, 4321, 'enough');
  if (end.code !== 4321 || end.reason !== 'enough') fail('close code ' + end.code);
}
async function main() {
  const pages = Array.from({ length: 20 }, (_, i) => fetch('/?' + i).then(r => r.text()));
  await Promise.all([one(1), one(2), one(3)]);
  if ((await Promise.all(pages)).some(text => !text.startsWith('<!doctype'))) fail('pages');
  if (await open('/refused').then(() => true, () => false)) fail('a refused one opens');
  say('good');
}
main().catch(error => say('FAILED: ' + error.message));
</script>"""


async def main(port):
    reported = asyncio.get_running_loop().create_future()

    async def answer(path, headers):
        if path.startswith("/ws/"):
            return None
        if path == "/refused":
            return http.HTTPStatus.FORBIDDEN, [], b"no\n"
        if path.startswith("/report?") and not reported.done():
            reported.set_result(urllib.parse.unquote(path.split("?", 1)[1]))
        return http.HTTPStatus.OK, [("Content-Type", "text/html")], PAGE.encode()

    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    async with websockets.serve(echo, "127.0.0.1", port, process_request=answer, max_size=None,
                                subprotocols=["echo"]):
        text = await asyncio.wait_for(reported, 60)
    print(text)
    return text == "good"


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(int(sys.argv[1]))) else 1)
