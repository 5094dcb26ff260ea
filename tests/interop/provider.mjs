// A real, certified OpenID provider (npm oidc-provider) with Auth0's paths, for tests on loopback.
//
// It prints `ISSUER url` when it answers and ends when its standard input closes, so that it never
// outlives the test that started it. `GET /test/seen` tells what it was asked. `GET /test/hold/oauth/token` keeps back
// all answers from there, until `GET /test/release` sends them.
//
// Environment, all optional:
//   PORT                                    0 (default) takes a free one
//   TLS_CERT, TLS_KEY                       PEM files: https://localhost instead of http://127.0.0.1
//   HOST                                    with these, another name than localhost
//   AT_TTL, ID_TTL, DEVICE_TTL, CODE_TTL    lifetimes in seconds
//   DPOP_NONCE=1                            demand server nonces in DPoP proofs
//   CLIENT_JWKS                             file with the public keys of the client `conf-pkjwt`
//   REDIRECT_URIS                           those of the clients `ways` and `ways-by-code`, separated by spaces
//   OP_KEYS                                 file that keeps the signing keys over a restart
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createPrivateKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { Provider, errors } from 'oidc-provider';

const { TLS_CERT, TLS_KEY, CLIENT_JWKS, DPOP_NONCE, HOST, OP_KEYS, PORT, REDIRECT_URIS } = process.env;
const seconds = (name, otherwise) => () => Number(process.env[name] || otherwise);
const json = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));
const DAY = 86400;

process.stdin.on('end', () => process.exit()).resume();

// The issuer names the port, so the port is bound before the provider exists.
const server = TLS_CERT
  ? https.createServer({ cert: fs.readFileSync(TLS_CERT), key: fs.readFileSync(TLS_KEY) })
  : http.createServer();
await new Promise((bound, failed) => {
  server.once('error', failed).listen(Number(PORT || 0), '127.0.0.1', bound);
});
const issuer = `${TLS_CERT ? `https://${HOST || 'localhost'}` : 'http://127.0.0.1'}:${server.address().port}`;

function signingKeys() {
  if (OP_KEYS && fs.existsSync(OP_KEYS)) return json(OP_KEYS);
  // By way of PEM: to export a key as JWK that has just been generated can hang node 20 for ever, when
  // the garbage collector ends the generating job, which waits for the lock of the key being exported.
  const pem = {
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
    publicKeyEncoding: { format: 'pem', type: 'spki' },
  };
  const key = (alg, type, options) => ({
    ...createPrivateKey(generateKeyPairSync(type, { ...options, ...pem }).privateKey).export({ format: 'jwk' }),
    alg,
    kid: `${alg}-${randomUUID().slice(0, 8)}`,
    use: 'sig',
  });
  const keys = [
    key('RS256', 'rsa', { modulusLength: 2048 }),
    key('ES256', 'ec', { namedCurve: 'P-256' }),
    key('EdDSA', 'ed25519'),
  ];
  // The same key under another name: to make one takes long.
  keys.push({ ...keys[0], alg: 'PS256', kid: keys[0].kid.replace('RS256', 'PS256') });
  if (OP_KEYS) fs.writeFileSync(OP_KEYS, JSON.stringify({ keys }));
  return { keys };
}

// Native clients may use a loopback redirect URI with any port (RFC 8252 §7.3).
const native = {
  application_type: 'native',
  post_logout_redirect_uris: ['http://127.0.0.1/loggedout'],
  redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost/callback'],
  response_types: ['code'],
};
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const CLIENT = 'client_credentials';
const PAYMENT = 'payment_initiation';
const withoutDevice = { grant_types: ['authorization_code', 'refresh_token'] };
const everyGrant = { grant_types: ['authorization_code', 'refresh_token', DEVICE] };
const andItsOwn = { grant_types: [...everyGrant.grant_types, CLIENT] };
const none = { token_endpoint_auth_method: 'none' };
const clients = [
  { client_id: 'public', ...none, ...everyGrant, ...native },
  { client_id: 'public-es256', ...none, ...withoutDevice, id_token_signed_response_alg: 'ES256', ...native },
  { client_id: 'public-eddsa', ...none, ...withoutDevice, id_token_signed_response_alg: 'EdDSA', ...native },
  { client_id: 'public-ps256', ...none, ...withoutDevice, id_token_signed_response_alg: 'PS256', ...native },
  { client_id: 'public-par', ...none, ...withoutDevice, require_pushed_authorization_requests: true, ...native },
  { client_id: 'public-dpop', ...none, ...everyGrant, dpop_bound_access_tokens: true, ...native },
  {
    client_id: 'custom-scheme',
    ...none,
    ...withoutDevice,
    ...native,
    redirect_uris: ['com.myclientapp://callback.example/callback'],
    post_logout_redirect_uris: ['com.myclientapp://callback.example/loggedout'],
  },
  {
    client_id: 'device',
    ...none,
    application_type: 'native',
    grant_types: [DEVICE, 'refresh_token'],
    redirect_uris: [],
    response_types: [],
  },
  {
    client_id: 'conf-basic',
    // Every character here shows whether the client encodes its secret (RFC 6749 §2.3.1).
    client_secret: 'basic secret:with/odd+chars%&=~*',
    token_endpoint_auth_method: 'client_secret_basic',
    authorization_details_types: [PAYMENT],
    ...andItsOwn,
    ...native,
  },
  {
    client_id: 'conf-post',
    client_secret: 'post-secret-0123456789',
    authorization_details_types: [PAYMENT],
    token_endpoint_auth_method: 'client_secret_post',
    ...everyGrant,
    ...native,
  },
  {
    client_id: 'conf-secret-jwt',
    client_secret: 'a secret that is never sent itself',
    id_token_signed_response_alg: 'HS256',
    token_endpoint_auth_method: 'client_secret_jwt',
    ...andItsOwn,
    ...native,
  },
];
if (CLIENT_JWKS) {
  clients.push({
    client_id: 'conf-pkjwt',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: json(CLIENT_JWKS),
    ...andItsOwn,
    ...native,
  });
}

// A device that has pages elsewhere: of its own in the network, or at a relay.
if (REDIRECT_URIS) {
  const redirect_uris = REDIRECT_URIS.split(' ');
  clients.push({ client_id: 'ways', ...none, ...everyGrant, redirect_uris, response_types: ['code'] });
  // The same, whose administrator has not allowed the device grant.
  clients.push({ client_id: 'ways-by-code', ...none, ...withoutDevice, redirect_uris, response_types: ['code'] });
}

const extraParams = ['audience', 'connection', 'organization', 'invitation', 'screen_hint'];

const resourceIndicators = {
  enabled: true,
  defaultResource: (ctx, client, oneOf) => oneOf,
  useGrantedResource: () => true,
  getResourceServerInfo(ctx, resource) {
    if (!resource.startsWith('urn:api:') && !resource.startsWith('https://api.')) throw new errors.InvalidTarget();
    return {
      accessTokenFormat: 'jwt',
      accessTokenTTL: seconds('AT_TTL', 3600)(),
      audience: resource,
      jwt: { sign: { alg: 'ES256' } },
      scope: 'api:read api:write',
    };
  },
};

// Whatever payment is asked for is granted.
const richAuthorizationRequests = {
  enabled: true,
  types: { [PAYMENT]: { validate() {} } },
  authorizationDetailsForGrantSource: (ctx) => JSON.parse(ctx.oidc.params.authorization_details),
  authorizationDetailsForAccessToken: (ctx, token, source) => source.rar,
  authorizationDetailsForIntrospection: (ctx, token) => token.rar,
};

const provider = new Provider(issuer, {
  claims: {
    acr: null,
    auth_time: null,
    email: ['email', 'email_verified'],
    iss: null,
    openid: ['sub'],
    profile: ['name', 'preferred_username', 'locale'],
    sid: null,
  },
  clients,
  conformIdTokenClaims: true, // profile and email only from userinfo (OpenID Connect Core §5.4)
  cookies: { keys: ['loopback-test-only'] },
  extraParams,
  features: {
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => DPOP_NONCE === '1' },
    deviceFlow: { enabled: true, charset: 'base-20', mask: '****-****' },
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: false },
    resourceIndicators,
    richAuthorizationRequests,
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  enabledJWA: {
    clientAuthSigningAlgValues: ['HS256', 'RS256', 'PS256', 'ES256', 'EdDSA'],
    idTokenSigningAlgValues: ['HS256', 'RS256', 'PS256', 'ES256', 'EdDSA'],
  },
  // Any login is an account of that name.
  findAccount: (ctx, sub) => ({
    accountId: sub,
    claims: () => ({
      email: `${sub}@example.test`,
      email_verified: true,
      locale: 'en',
      name: `User ${sub} Ünïcode 名前`,
      preferred_username: sub,
      sub,
    }),
  }),
  issueRefreshToken: (ctx, client, code) =>
    client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  jwks: signingKeys(),
  pkce: { required: () => true },
  rotateRefreshToken: true, // the default rotates a confidential client's only late in their life
  routes: {
    authorization: '/authorize',
    code_verification: '/activate',
    device_authorization: '/oauth/device/code',
    end_session: '/oidc/logout',
    introspection: '/oauth/introspect',
    jwks: '/.well-known/jwks.json',
    pushed_authorization_request: '/oauth/par',
    revocation: '/oauth/revoke',
    token: '/oauth/token',
    userinfo: '/userinfo',
  },
  scopes: ['openid', 'offline_access', 'profile', 'email', 'api:read', 'api:write'],
  ttl: {
    AccessToken: seconds('AT_TTL', 3600),
    AuthorizationCode: seconds('CODE_TTL', 60),
    DeviceCode: seconds('DEVICE_TTL', 600),
    Grant: 14 * DAY,
    IdToken: seconds('ID_TTL', 3600),
    Interaction: 3600,
    RefreshToken: 14 * DAY,
    Session: 14 * DAY,
  },
});

// What each request held, for assertions. Of a body only the names, and the values that are no secret.
const seen = [];
const HARMLESS = new Set([
  ...extraParams,
  ...['client_id', 'code_challenge', 'code_challenge_method', 'grant_type', 'login_hint', 'max_age', 'nonce'],
  ...['post_logout_redirect_uri', 'prompt', 'redirect_uri', 'resource', 'response_type', 'scope', 'state'],
  ...['authorization_details', 'dpop_jkt', 'token_type_hint', 'ui_locales'],
]);
const harmless = (parameters) =>
  Object.fromEntries(Object.entries(parameters).filter(([name]) => HARMLESS.has(name)));

function clientAuthentication(ctx, body) {
  if (/^basic /i.test(ctx.get('authorization'))) return 'basic';
  if ('client_secret' in body) return 'body';
  return 'client_assertion' in body ? 'assertion' : 'none';
}

let held = '';
let release = () => {};
let released = Promise.resolve();
function hold(path) {
  release();
  held = path;
  released = new Promise((resolve) => { release = resolve; });
}

provider.use(async (ctx, next) => {
  const { method, path } = ctx;
  const request = { method, path };
  seen.push(request); // before it is handled: in the order of arrival
  try {
    await next();
  } finally {
    const body = ctx.oidc?.body ?? {};
    Object.assign(request, {
      authentication: clientAuthentication(ctx, body),
      body: Object.keys(body),
      dpop: ctx.get('dpop') !== '',
      query: path === '/authorize' ? { ...ctx.query } : harmless(ctx.query),
      status: ctx.status,
      values: harmless(body),
    });
  }
  if (path === held) await released; // the server has done it, and nobody hears of it
});

// Why a request failed is told here only; the client gets a short error code.
const failures = ['authorization', 'device_authorization', 'end_session', 'grant'];
failures.push('pushed_authorization_request', 'revocation', 'userinfo');
for (const event of [...failures.map((name) => `${name}.error`), 'server_error']) {
  provider.on(event, (ctx, error) =>
    console.error(event, error.message, error.error_description ?? '', error.error_detail ?? '', error.cause ?? ''));
}

const answer = provider.callback();
server.on('request', (request, response) => {
  if (!request.url.startsWith('/test/')) return answer(request, response);
  if (request.url.startsWith('/test/hold/')) hold(request.url.slice('/test/hold'.length));
  if (request.url === '/test/release') hold('');
  response.setHeader('content-type', 'application/json');
  return response.end(JSON.stringify(seen));
});
console.log(`ISSUER ${issuer}`);
