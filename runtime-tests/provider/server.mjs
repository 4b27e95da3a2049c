// A certified OpenID provider for the tests of the gate, on a port of its own.
//
// It prints one line of JSON (where it listens, and the keys of its clients), and ends with its input.
// Whoever started it steers it at `control`:
//
//   POST /keys    {"keys": [{"kid", "alg"}]}       the published keys; the first one of an algorithm signs
//   POST /clock   {"ahead_s"}                      the time of day, in seconds ahead of the machine's
//   POST /logout  {"uri", "session_required"}      where back-channel logout of the client `shop` goes
//   GET  /requests                                 how often each endpoint was asked
//   GET  /logouts                                  the logout tokens that were sent, and how that ended
//
// A Provider cannot change its keys or its clients. So each change makes a new one, with the same issuer
// and the same adapter: to the outside it is one provider throughout.

import * as crypto from 'node:crypto';
import * as http from 'node:http';

// The time of day, for the provider and what it is made of. Set before any of it is loaded.
const RealDate = Date;
let aheadMs = 0;
globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(Date.now());
    else super(...args);
  }

  static now() {
    return RealDate.now() + aheadMs;
  }
};
// Early releases of Node 20 lack it.
URL.parse ??= (url, base) => (URL.canParse(url, base) ? new URL(url, base) : null);
// What the provider has to say about development settings is no news here.
console.info = () => {};
console.warn = () => {};
const { Provider } = await import('oidc-provider');

const TOKEN_LIFETIME_S = 24 * 60 * 60;
// Characters that a client has to encode before it sends them (RFC 6749 §2.3.1).
const CLIENT_SECRET = 'a+b c%d:e/f=&g';
const SCOPES = 'read write';

// --- Keys -------------------------------------------------------------------------------------------

const KEY_KINDS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};
const keys = new Map();

// Exported as it is made. A key that is exported later can lock up Node 20: the collection of what made
// it waits for a lock that the export holds.
function keyPair(alg) {
  const [type, options] = KEY_KINDS[alg];
  const jwk = { format: 'jwk' };
  return crypto.generateKeyPairSync(type, { ...options, privateKeyEncoding: jwk, publicKeyEncoding: jwk });
}

function key({ kid, alg }) {
  if (!keys.has(kid)) keys.set(kid, { ...keyPair(alg).privateKey, kid, alg, use: 'sig' });
  return keys.get(kid);
}

const clientKeys = { 'gate-ed25519': keyPair('EdDSA'), 'gate-es256': keyPair('ES256') };

// --- What a Provider keeps: in memory, for as long as the process lives -------------------------------

const kept = new Map();

class Adapter {
  constructor(model) {
    this.model = model;
  }

  id(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, payload) {
    kept.set(this.id(id), payload);
  }

  async find(id) {
    return kept.get(this.id(id));
  }

  async findByUid(uid) {
    for (const [id, payload] of kept) {
      if (id.startsWith(`${this.model}:`) && payload.uid === uid) return payload;
    }
    return undefined;
  }

  async consume(id) {
    kept.get(this.id(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    kept.delete(this.id(id));
  }

  async revokeByGrantId(grantId) {
    for (const [id, payload] of kept) {
      if (payload.grantId === grantId) kept.delete(id);
    }
  }
}

// --- The provider -----------------------------------------------------------------------------------

const settings = {
  keys: [{ kid: 'es-1', alg: 'ES256' }, { kid: 'rs-1', alg: 'RS256' }, { kid: 'ed-1', alg: 'EdDSA' }],
  logout: {},
};
const requests = {};
const logouts = [];
const cookieKeys = [crypto.randomBytes(32).toString('hex')];

const machine = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };

function clients() {
  const logout = settings.logout.uri && {
    backchannel_logout_uri: settings.logout.uri,
    backchannel_logout_session_required: settings.logout.session_required,
  };
  const signedBy = (client_id) => ({
    ...machine,
    client_id,
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [clientKeys[client_id].publicKey] },
  });
  return [
    { ...machine, client_id: 'worker', client_secret: CLIENT_SECRET },
    { ...machine, client_id: 'gate-basic', client_secret: CLIENT_SECRET },
    {
      ...machine,
      client_id: 'gate-post',
      client_secret: CLIENT_SECRET,
      token_endpoint_auth_method: 'client_secret_post',
    },
    signedBy('gate-ed25519'),
    signedBy('gate-es256'),
    {
      client_id: 'shop',
      client_secret: CLIENT_SECRET,
      redirect_uris: ['http://shop.example/signed-in'],
      grant_types: ['authorization_code'],
      ...logout,
    },
  ];
}

// A resource says by its URL what its tokens are: https://api.example/<format>[/<algorithm>[/sid]].
function resource(url) {
  const [, format, alg] = new URL(url).pathname.split('/');
  return {
    scope: SCOPES,
    audience: new URL(url).origin,
    accessTokenFormat: format,
    ...(format === 'jwt' && { jwt: { sign: { alg } } }),
  };
}

function configuration() {
  return {
    adapter: Adapter,
    clients: clients(),
    clientDefaults: { id_token_signed_response_alg: settings.keys[0].alg },
    cookies: { keys: cookieKeys },
    // The tests stand in for the browser and for the client; a challenge would show nothing about the gate.
    pkce: { required: () => false },
    // JWTs do not say of which session they are, unless asked to.
    extraTokenClaims: (_context, token) => {
      const names = token.resourceServer?.identifier().endsWith('/sid');
      return names ? { sid: token.sid } : undefined;
    },
    features: {
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_context, client) => client.clientId.startsWith('gate-') },
      resourceIndicators: { enabled: true, getResourceServerInfo: (_context, url) => resource(url) },
      revocation: { enabled: true },
    },
    // The provider's own requests: they may go to this machine, and are remembered.
    fetch: async (url, { dispatcher: _dispatcher, ...options }) => {
      const sent = { token: options.body.get('logout_token'), status: null };
      logouts.push(sent);
      const response = await fetch(url, options);
      sent.status = response.status;
      return response;
    },
    jwks: { keys: settings.keys.map(key) },
    scopes: ['openid', ...SCOPES.split(' ')],
    ttl: {
      AccessToken: TOKEN_LIFETIME_S,
      AuthorizationCode: 60,
      ClientCredentials: TOKEN_LIFETIME_S,
      Grant: TOKEN_LIFETIME_S,
      IdToken: TOKEN_LIFETIME_S,
      Interaction: TOKEN_LIFETIME_S,
      Session: TOKEN_LIFETIME_S,
    },
  };
}

let serve;

function renew() {
  const provider = new Provider(issuer, configuration());
  provider.on('server_error', (_context, error) => console.error(error));
  serve = provider.callback();
}

function listen(server) {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`));
  });
}

const issuer = await listen(http.createServer((request, response) => {
  const endpoint = `${request.method} ${request.url.split('?')[0]}`;
  requests[endpoint] = (requests[endpoint] ?? 0) + 1;
  serve(request, response);
}));
renew();

// --- How it is steered --------------------------------------------------------------------------------

const controls = {
  'POST /keys': (body) => {
    settings.keys = body.keys;
    renew();
  },
  'POST /clock': (body) => {
    aheadMs = body.ahead_s * 1000;
  },
  'POST /logout': (body) => {
    settings.logout = body;
    renew();
  },
  'GET /requests': () => requests,
  'GET /logouts': () => logouts,
};

const control = await listen(http.createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const act = controls[`${request.method} ${request.url}`];
  let status = act ? 200 : 404;
  let answer;
  try {
    answer = act?.(body && JSON.parse(body));
  } catch (error) {
    status = 500;
    answer = { error: String(error) };
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer ?? {}));
}));

process.stdin.resume().on('end', () => process.exit(0));
const privateKeys = Object.entries(clientKeys).map(([client, pair]) => [client, pair.privateKey]);
process.stdout.write(`${JSON.stringify({
  issuer,
  control,
  client_secret: CLIENT_SECRET,
  client_keys: Object.fromEntries(privateKeys),
})}\n`);
