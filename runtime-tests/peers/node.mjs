// Node with `jose`: node node.mjs PORT KEYS.json ISSUER AUDIENCE JOSE

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { verifier } from "./verify.mjs";

const [port, keys, issuer, audience, jose] = process.argv.slice(2);
const verify = verifier(await import(jose), JSON.parse(readFileSync(keys)), issuer, audience);

createServer(async (request, response) => {
  const [status, body] = await verify(request.method, request.url, request.headers.authorization);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}).listen(Number(port), "127.0.0.1");
