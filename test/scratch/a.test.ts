import { connect as tcp } from 'node:net';
import { connect as h2connect } from 'node:http2';
import { beforeAll, test } from 'vitest';
import { AccessTokenType } from '../../gen/zitadel/user/v2/user_pb.ts';
import { askToken, createClient, tokenByKey, tokenBySecret, post, basic, sign, jwtBearer } from '../support/oauth.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { createHuman } from '../support/actors.ts';
let server: TestServer;
beforeAll(async () => { server = await startServer({ env: { ROSTER_CORS_ORIGINS: 'https://app.example.com' } }); await createHuman(server,{userId:'ada'}); });
const out: string[] = [];
const say = (...a: unknown[]) => { console.log(...a); };
function raw(text: string | Buffer, ms = 700): Promise<string> {
  return new Promise((resolve) => {
    const s = tcp(server.port, '127.0.0.1'); let got = '';
    s.on('data', (d) => { got += d; }); s.on('error', (e) => { got += `ERR ${e.message}`; });
    s.on('close', () => resolve(got)); s.write(text); setTimeout(() => s.destroy(), ms);
  });
}
const short = (s: string) => s.replace(/\r\n/g, '⏎').slice(0, 420);
test('raw', { timeout: 120000 }, async () => {
  const A = `Authorization: Bearer ${server.token}\r\n`;
  const reqs: Record<string, string> = {
    absoluteForm: `GET http://h/v2/users/ada HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    encodedSlash: `GET /v2/users/ada%2Flock HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    dotdot: `GET /v2/users/x/../ada HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    encdotdot: `GET /v2/users/%2e%2e/%2e%2e/debug HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    nul: `GET /v2/users/ada%00 HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    overlong: `GET /v2/users/%c0%af HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    semi: `GET /v2/users/ada;x=1 HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    dslash: `GET //v2/users/ada HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    dslash2: `GET /v2//users/ada HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    dbl: `GET /v2/users/%2561da HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    encWord: `GET /v2/%75sers/ada HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    encRoot: `GET /%76%32/users/ada HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    frag: `GET /v2/users/ada#x HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    xss: `GET /v2/<script>alert(1)</script> HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    override: `POST /v2/users/ada HTTP/1.1\r\nHost: h\r\nX-HTTP-Method-Override: DELETE\r\nContent-Length: 0\r\n${A}\r\n`,
    options: `OPTIONS /v2/users/ada HTTP/1.1\r\nHost: h\r\nOrigin: https://app.example.com\r\n\r\n`,
    optionsStar: `OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n`,
    preflight: `OPTIONS /oauth/v2/token HTTP/1.1\r\nHost: h\r\nOrigin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\n\r\n`,
    trace: `TRACE /v2/users/ada HTTP/1.1\r\nHost: h\r\n\r\n`,
    head: `HEAD /v2/users/ada HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    headTok: `HEAD /oauth/v2/token HTTP/1.1\r\nHost: h\r\n\r\n`,
    clte: `POST /v2/users/ada/lock HTTP/1.1\r\nHost: h\r\n${A}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n`,
    te2: `POST /zitadel.user.v2.UserService/ListUsers HTTP/1.1\r\nHost: h\r\n${A}Content-Type: application/json\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    cl2: `POST /v2/users/ada/lock HTTP/1.1\r\nHost: h\r\n${A}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd`,
    getBody: `GET /v2/users/ada HTTP/1.1\r\nHost: h\r\n${A}Content-Length: 36\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n\r\n`,
    unreadThenNext: `POST /v2/users/ada/nothing HTTP/1.1\r\nHost: h\r\n${A}Content-Length: 36\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
    oauthUnread: `DELETE /oauth/v2/token HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcdeGET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
    oauth100: `POST /oauth/v2/token HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\ngrant_type=x`,
    badpath: `GET /v2/users/%zz HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    twoAuth: `GET /v2/users/ada HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer wrong\r\n${A}\r\n`,
    twoHosts: `GET /v2/users/ada HTTP/1.1\r\nHost: h\r\nHost: g\r\n${A}\r\n`,
    badhost: `GET /v2/users/ada HTTP/1.1\r\nHost: [\r\n${A}\r\n`,
    ctErr: `GET /oauth/v2/authorize?redirect_uri=https://evil&state=<b> HTTP/1.1\r\nHost: h\r\n\r\n`,
    wk: `GET /.well-known/openid-configuration HTTP/1.1\r\nHost: evil\r\nX-Forwarded-Host: evil\r\nOrigin: https://app.example.com\r\n\r\n`,
    emptySegLast: `GET /v2/users/ HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    bigq: `GET /v2/users/ada?${'a.'.repeat(6000)} HTTP/1.1\r\nHost: h\r\n${A}\r\n`,
    gz: `GET /v2/users/ada HTTP/1.1\r\nHost: h\r\n${A}Content-Encoding: gzip\r\n\r\n`,
  };
  for (const [name, text] of Object.entries(reqs)) say(name, '=>', short(await raw(text, 350)));
});
test('oauth', { timeout: 60000 }, async () => {
  const c = await createClient(server, AccessTokenType.JWT);
  const d = await createClient(server, AccessTokenType.BEARER);
  const jwt = await tokenByKey(server, c.key); const at = await tokenBySecret(server, d.userId, d.secret);
  const now = server.app.clock();
  const t = async (n: string, f: any, h?: any) => { const r = await post(server, '/oauth/v2/token', f, h); say(n, r.status, JSON.stringify(r.body).slice(0, 200), r.headers.get('cache-control')); };
  await t('dup', `grant_type=client_credentials&grant_type=client_credentials`);
  await t('bomb', Array.from({ length: 4000 }, (_, i) => `a${i}=`).join('&').slice(0, 16000));
  await t('1mb', 'a'.repeat(1024 * 1024));
  await t('json', '{"grant_type":"client_credentials"}', { 'content-type': 'application/json' });
  await t('multi', 'x', { 'content-type': 'multipart/form-data; boundary=x' });
  await t('ct', 'grant_type=client_credentials', { 'content-type': 'application/x-www-form-urlencoded, text/plain' });
  await t('proto', 'grant_type=client_credentials&__proto__=1&constructor=2&client_id=constructor&client_secret=x');
  await t('scope', { grant_type: 'client_credentials', client_id: d.userId, client_secret: d.secret, scope: 'admin urn:zitadel:iam:org:project:id:zitadel:aud' });
  await t('assertion=jwt access token', { grant_type: jwtBearer, assertion: jwt });
  await t('nested', { grant_type: jwtBearer, assertion: await sign(c.key, now, { header: { cty: 'JWT' } }) });
  for (const [n, header] of Object.entries({ crit: { crit: ['x'], x: 1 }, b64: { crit: ['b64'], b64: false }, jku: { jku: 'http://127.0.0.1:1/' }, x5u: { x5u: 'http://127.0.0.1:1/' }, typAt: { typ: 'at+jwt' }, kidNum: { kid: 5 }, kidPath: { kid: '../../etc/passwd' }, kidSql: { kid: "' or 1=1" } }))
    try { await t('hdr ' + n, { grant_type: jwtBearer, assertion: await sign(c.key, now, { header: header as any, claims: { jti: n } }) }); } catch (e) { say(n, String(e)); }
  for (const [n, claims] of Object.entries({ audArr: { aud: ['https://evil', 'https://roster.example.com'] }, audSlash: { aud: 'https://roster.example.com/' }, subOther: { sub: d.userId }, issOther: { iss: d.userId }, expStr: { exp: '9999999999' }, expHuge: { exp: 1e300 }, iatFut: { iat: Math.floor(now.getTime() / 1000) + 100 }, nbf: { nbf: Math.floor(now.getTime() / 1000) + 100 }, jtiNum: { jti: 5 }, jtiEmpty: { jti: '' }, iatNeg: { iat: -1 } , expFloat: {exp: Math.floor(now.getTime()/1000)+0.5}, jtiHuge:{jti:'x'.repeat(9000)}}))
    await t('claim ' + n, { grant_type: jwtBearer, assertion: await sign(c.key, now, { claims }) });
  for (const tok of [jwt, at, server.token, jwt + ' ', 'roster_at_x']) {
    const r = await post(server, '/oauth/v2/introspect', { token: tok }, basic(d.userId, d.secret)); say('introspect', r.status, JSON.stringify(r.body).slice(0, 300));
  }
  const r = await post(server, '/oauth/v2/introspect', { token: at }, { authorization: `Bearer ${at}` }); say('self', r.status, JSON.stringify(r.body));
  const ida = await post(server, '/oauth/v2/introspect', { token: at, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: await sign(c.key, now) }, { authorization: `Bearer ${at}` }); say('both', ida.status, JSON.stringify(ida.body));
});
