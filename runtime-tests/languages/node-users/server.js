// The users as one writes them in Node: fastify, with its schemas for what comes in and goes out, and `pg` or
// `better-sqlite3`. It does what components/users does for GET, list and POST: identity from the fields that the gate
// sets, an event for each new user in the same transaction, an ETag. To be measured beside it.
//
//   node server.js sqlite FILE | postgres URL
//
// It says on standard output where it listens, and ends with its standard input.

import { randomFillSync } from 'node:crypto';
import fastify from 'fastify';

const [kind, place] = process.argv.slice(2);
const TABLES = [
  `CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, issuer TEXT, subject TEXT,
    created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, version BIGINT NOT NULL, UNIQUE (issuer, subject))`,
  'CREATE INDEX users_by_name ON users (name, id)',
  `CREATE TABLE users_outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT, happened TEXT NOT NULL, at BIGINT NOT NULL, user_id TEXT NOT NULL,
    name TEXT, email TEXT, issuer TEXT, subject TEXT, created_at BIGINT, updated_at BIGINT, version BIGINT NOT NULL)`,
];
const COLUMNS = 'id, name, email, issuer, subject, created_at, updated_at, version';
const TOLD = `(happened, at, user_id, name, email, issuer, subject, created_at, updated_at, version)`;

async function sqlite(file) {
  const { default: Database } = await import('better-sqlite3');
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  database.pragma('busy_timeout = 5000');
  for (const table of TABLES) database.exec(table);
  const find = database.prepare(`SELECT ${COLUMNS} FROM users WHERE id = ?`);
  const page = database.prepare(`SELECT ${COLUMNS} FROM users ORDER BY id LIMIT ? OFFSET ?`);
  const total = database.prepare('SELECT count(*) AS total FROM users');
  const insert = database.prepare(`INSERT INTO users (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
  const tell = database.prepare(
    `INSERT INTO users_outbox ${TOLD} SELECT 'created', created_at, ${COLUMNS} FROM users WHERE id = ?`,
  );
  const create = database.transaction((values) => {
    insert.run(values);
    tell.run(values[0]);
  });
  return {
    find: async (id) => find.get(id),
    page: async (limit, offset) => [page.all(limit, offset), total.get().total],
    create: async (values) => create(values),
    isTaken: (error) => error.code === 'SQLITE_CONSTRAINT_UNIQUE',
  };
}

async function postgres(url) {
  const { default: pg } = await import('pg');
  pg.types.setTypeParser(pg.types.builtins.INT8, Number);
  const pool = new pg.Pool({ connectionString: url, max: 20 });
  for (const table of TABLES) {
    await pool.query(table.replace('INTEGER PRIMARY KEY AUTOINCREMENT', 'bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY'));
  }
  const named = (name, text, values) => pool.query({ name, text, values });
  return {
    find: async (id) => (await named('find', `SELECT ${COLUMNS} FROM users WHERE id = $1`, [id])).rows[0],
    page: async (limit, offset) => {
      const [users, total] = await Promise.all([
        named('page', `SELECT ${COLUMNS} FROM users ORDER BY id LIMIT $1 OFFSET $2`, [limit, offset]),
        named('total', 'SELECT count(*) AS total FROM users', []),
      ]);
      return [users.rows, total.rows[0].total];
    },
    create: (values) =>
      named(
        'create',
        `WITH created AS (INSERT INTO users (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *)
         INSERT INTO users_outbox ${TOLD} SELECT 'created', created_at, ${COLUMNS} FROM created`,
        values,
      ),
    isTaken: (error) => error.code === '23505',
  };
}

const store = await (kind === 'postgres' ? postgres(place) : sqlite(place));
const app = fastify();

const user = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    name: { type: 'string' },
    email: { type: 'string' },
    identity: { type: 'object', properties: { issuer: { type: 'string' }, subject: { type: 'string' } } },
    created_at: { type: 'string' },
    updated_at: { type: 'string' },
  },
};
const newUser = {
  type: 'object',
  required: ['name', 'email'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 200 },
    email: { type: 'string', maxLength: 254, format: 'email' },
    identity: {
      type: 'object',
      required: ['issuer', 'subject'],
      additionalProperties: false,
      properties: {
        issuer: { type: 'string', minLength: 1, maxLength: 1024 },
        subject: { type: 'string', minLength: 1, maxLength: 1024 },
      },
    },
  },
};

// A UUID of version 7.
function newId(now) {
  const bytes = randomFillSync(Buffer.alloc(16));
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const shown = (row) => ({
  id: row.id,
  name: row.name,
  email: row.email,
  identity: row.issuer ? { issuer: row.issuer, subject: row.subject } : undefined,
  created_at: new Date(row.created_at).toISOString(),
  updated_at: new Date(row.updated_at).toISOString(),
});

app.addHook('onRequest', async (request, reply) => {
  const scopes = (request.headers['x-auth-scope'] ?? '').split(' ');
  if (!request.headers['x-auth-issuer'] || !request.headers['x-auth-subject']) return reply.code(401).send();
  const scope = request.method === 'POST' ? 'write:users' : 'read:users';
  if (!scopes.includes(scope)) return reply.code(403).send();
});

const one = { schema: { response: { 200: user } } };
app.get('/api/v1/users/:id', one, async (request, reply) => {
  const row = await store.find(request.params.id);
  if (!row) return reply.code(404).send();
  const tag = `"${row.id}.${row.version}"`;
  reply.header('etag', tag).header('cache-control', 'private, no-cache');
  if (request.headers['if-none-match'] === tag) return reply.code(304).send();
  return shown(row);
});

const number = (least, most, otherwise) => ({ type: 'integer', minimum: least, maximum: most, default: otherwise });
const listed = {
  schema: {
    querystring: { type: 'object', properties: { page: number(1, 10000, 1), limit: number(1, 100, 20) } },
    response: {
      200: {
        type: 'object',
        properties: {
          users: { type: 'array', items: user },
          page: { type: 'integer' },
          limit: { type: 'integer' },
          total: { type: 'integer' },
        },
      },
    },
  },
};
app.get('/api/v1/users', listed, async (request, reply) => {
  const { page, limit } = request.query;
  const [rows, total] = await store.page(limit, (page - 1) * limit);
  reply.header('cache-control', 'private, no-cache');
  return { users: rows.map(shown), page, limit, total };
});

const creation = { schema: { body: newUser, response: { 201: user } } };
app.post('/api/v1/users', creation, async (request, reply) => {
  const now = Date.now();
  const { name, email, identity } = request.body;
  const row = {
    id: newId(now),
    name: name.normalize('NFC'),
    email: email.toLowerCase(),
    issuer: identity?.issuer ?? null,
    subject: identity?.subject ?? null,
    created_at: now,
    updated_at: now,
    version: 1,
  };
  try {
    await store.create(Object.values(row));
  } catch (error) {
    if (store.isTaken(error)) return reply.code(409).send();
    throw error;
  }
  reply.code(201).header('location', `/api/v1/users/${row.id}`).header('etag', `"${row.id}.1"`);
  return shown(row);
});

const address = await app.listen({ host: '127.0.0.1', port: 0 });
console.log(address.slice('http://'.length));
process.stdin.resume().on('end', () => process.exit(0));
