// The intake of events as one writes it in Node: fastify, ajv with the same JSON Schemas, and `undici` or `ioredis`. It does
// what components/events does for NDJSON: identity from the fields that the gate sets, each line parsed and checked, a
// record of CloudEvents 1.0 for each, written in batches before the answer. To be measured beside it.
//
//   node server.js SCHEMA.json… http://COLLECTOR | redis://HOST:PORT
//
// Each schema's file has the name of the type that it is for. It says on standard output where it listens, and ends with
// its standard input.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import Ajv from 'ajv/dist/2020.js';
import fastify from 'fastify';

const arguments_ = process.argv.slice(2);
const sink = arguments_.pop();
const BATCH = 1000;
const ERRORS = 100;
const HOUR_MS = 3_600_000;

const ajv = new Ajv();
const types = new Map(
  arguments_.map((file) => [basename(file, '.json'), ajv.compile(JSON.parse(readFileSync(file, 'utf8')))]),
);

async function http(url) {
  const { Pool } = await import('undici');
  const target = new URL(url);
  const pool = new Pool(target.origin, { connections: 20 });
  return async (records) => {
    const { statusCode, body } = await pool.request({
      path: target.pathname,
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents-batch+json' },
      body: `[${records.map(({ json }) => json).join()}]`,
    });
    await body.dump();
    if (statusCode >= 300) throw new Error(`status ${statusCode}`);
    return 0;
  };
}

// Adds those that were not there before, in one script.
const SCRIPT = `
local known = 0
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    known = known + 1
  else
    local a = (i - 2) * 4 + 1
    redis.call('XADD', KEYS[1], '*', 'source', ARGV[a], 'id', ARGV[a + 1], 'type', ARGV[a + 2], 'event', ARGV[a + 3])
    redis.call('SET', KEYS[i], '1', 'EX', 86400)
  end
end
return known`;

async function redis(url) {
  const { Redis } = await import('ioredis');
  const client = new Redis(url);
  client.defineCommand('addNew', { lua: SCRIPT });
  return (records) =>
    client.addNew(
      records.length + 1,
      'events',
      ...records.map(({ event }) => `{events}:seen:${event.source}\n${event.id}`),
      ...records.flatMap(({ event, json }) => [event.source, event.id, event.type, json]),
    );
}

const write = await (sink.startsWith('redis') ? redis(sink) : http(sink));

const isText = (value) => typeof value === 'string' && value.length > 0 && value.length <= 1024;

// What is wrong with an event, if anything is.
function wrong(event, now) {
  if (typeof event !== 'object' || event === null) return 'is no object';
  if (!isText(event.id)) return 'has no id';
  if (!isText(event.source)) return 'has no source';
  if (!isText(event.type)) return 'has no type';
  if (event.time !== undefined) {
    const time = Date.parse(event.time);
    if (Number.isNaN(time) || time > now + HOUR_MS) return 'has a wrong time';
  }
  const check = types.get(event.type);
  if (!check) return 'has an unknown type';
  if (!check(event.data)) return `${check.errors[0].instancePath} ${check.errors[0].message}`;
  return undefined;
}

const app = fastify({ bodyLimit: 64 * 1024 * 1024 });
// As a string: it is taken apart by lines.
app.addContentTypeParser('application/x-ndjson', { parseAs: 'string' }, (request, body, done) => done(null, body));

app.post('/events', async (request, reply) => {
  if (!request.headers['x-auth-issuer'] || !request.headers['x-auth-subject']) return reply.code(401).send();
  if (!(request.headers['x-auth-scope'] ?? '').split(' ').includes('write:events')) return reply.code(403).send();
  const now = Date.now();
  const recordedtime = new Date(now).toISOString();
  const errors = [];
  let [received, refused, duplicates, line] = [0, 0, 0, 0];
  let records = [];
  for (const text of request.body.split('\n')) {
    line += 1;
    if (text === '') continue;
    received += 1;
    let reason;
    let event;
    try {
      event = JSON.parse(text);
      reason = wrong(event, now);
    } catch (error) {
      reason = error.message;
    }
    if (reason) {
      refused += 1;
      if (errors.length < ERRORS) errors.push({ event: received, line, reason });
      continue;
    }
    records.push({ event, json: JSON.stringify({ specversion: '1.0', ...event, recordedtime }) });
    if (records.length === BATCH) {
      duplicates += await write(records);
      records = [];
    }
  }
  if (records.length) duplicates += await write(records);
  const accepted = received - refused;
  return reply.code(accepted ? 200 : 422).send({ received, accepted, duplicates, refused, errors });
});

const address = await app.listen({ host: '127.0.0.1', port: 0 });
console.log(new URL(address).host);
process.stdin.on('end', () => process.exit(0)).resume();
