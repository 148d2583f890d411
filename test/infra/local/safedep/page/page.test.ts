import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ToolService } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { UserService } from '#safedep-api/safedep/services/controltower/v1/user_pb.js';
import { showCalls } from '../../../../../infra/local/safedep/calls-command.ts';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../../../infra/local/safedep/stand-in.ts';

const CANARY = 'sfd_canary';

let standIn: SafeDepStandIn;
beforeEach(async () => {
  standIn = await startSafeDepStandIn({ apiKey: CANARY, identityProvider: { approval: 'automatic' } });
  const transport = createGrpcTransport({ baseUrl: standIn.url });
  const headers = { authorization: standIn.apiKey, 'x-tenant-id': standIn.tenantId };
  const session = { toolName: 't', toolVersion: '1', projectName: '<b>demo</b>', projectVersion: 'main' };
  await createClient(ToolService, transport).createToolSession(session, { headers });
  await createClient(UserService, transport)
    .getUserInfo({}, { headers })
    .catch(() => undefined);
});
afterEach(() => standIn.close());

async function signIn(): Promise<string[]> {
  const { issuer, clientId: client_id, audience } = standIn.identityProvider ?? { issuer: '', clientId: '', audience: '' };
  const post = async (path: string, form: Record<string, string>) =>
    (await (await fetch(issuer + path, { method: 'POST', body: new URLSearchParams(form) })).json()) as Record<string, string>;
  const { device_code = '' } = await post('/oauth/device/code', { client_id, audience, scope: 'offline_access openid' });
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
  const { access_token = '', refresh_token = '' } = await post('/oauth/token', { client_id, grant_type, device_code });
  return [access_token, refresh_token];
}

async function command(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await showCalls(args, { out: (line) => void out.push(line), err: (line) => void err.push(line) }, {});
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('what it was asked', () => {
  it('is a page that loads nothing, says that it is made up, and shows no markup of callers', async () => {
    const response = await fetch(`${standIn.url}/`);
    const page = await response.text();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page).toContain('Made up:');
    expect(page).not.toMatch(/<script|<b>|src=|url\(|@import|https?:/);
    expect(page).toContain('&#60;b&#62;demo&#60;/b&#62;');
    for (const text of ['ToolService/CreateToolSession', 'Unauthenticated', 'an API key is not accepted here', 'TOOL_SYNC', 'first'])
      expect(page).toContain(text);
  });

  it('does not count the looks at it', async () => {
    const before = standIn.calls().total;
    await fetch(`${standIn.url}/`);
    await command('--url', standIn.url);
    expect(standIn.calls().total).toBe(before);
  });

  it('is the same by the command, as lines and as JSON', async () => {
    const { code, out } = await command('--url', standIn.url);
    expect(code).toBe(0);
    expect(out).toMatch(/ToolService\/CreateToolSession +1 /);
    const state = JSON.parse((await command('--url', standIn.url, '--json')).out);
    expect(state).toMatchObject({
      madeUp: true,
      sessions: [{ project: '<b>demo</b>', version: 'main', status: 'open', packages: 0 }],
      errors: [{ method: 'UserService/GetUserInfo', code: 'Unauthenticated' }],
    });
  });

  it('never shows a key or a token', async () => {
    const secrets = [CANARY, standIn.accessToken, ...(await signIn())];
    const shown = [
      await (await fetch(`${standIn.url}/`)).text(),
      (await command('--url', standIn.url)).out,
      (await command('--url', standIn.url, '--json')).out,
      await (await fetch(`${standIn.url}/stand-in/identity`)).text(),
    ];
    for (const text of shown) {
      expect(text).toContain('robot@stand-in.example');
      for (const secret of secrets) expect(secret !== '' && text.includes(secret)).toBe(false);
    }
  });

  it('is refused with a sentence where no stand-in runs, or the options are wrong', async () => {
    expect(await command('--url', 'http://127.0.0.1:1')).toMatchObject({ code: 2, err: expect.stringContaining('no stand-in answers') });
    expect(await command()).toMatchObject({ code: 3, err: expect.stringContaining('--url is missing') });
    expect(await command('--nonsense')).toMatchObject({ code: 3, err: expect.stringContaining("Unknown option '--nonsense'") });
    expect(await command('--help')).toMatchObject({ code: 0, out: expect.stringContaining('usage: safedep calls') });
  });
});

describe('the remote control', () => {
  it('confirms and denies devices from outside', async () => {
    const { issuer, clientId: client_id } = standIn.identityProvider ?? { issuer: '', clientId: '' };
    const put = async (path: string, body: object) => {
      const response = await fetch(`${standIn.url}/stand-in/${path}`, { method: 'PUT', body: JSON.stringify(body) });
      return response.status;
    };
    expect(await put('approval', { approval: 'by-hand' })).toBe(200);
    const began = await fetch(`${issuer}/oauth/device/code`, { method: 'POST', body: new URLSearchParams({ client_id, scope: 'openid' }) });
    const { user_code: userCode, device_code } = (await began.json()) as Record<string, string>;
    expect(await put('sign-in', { userCode, decision: 'approve', email: 'nobody@stand-in.example' })).toBe(400);
    expect(await put('sign-in', { userCode: 'WRONG', decision: 'approve' })).toBe(400);
    expect(await put('sign-in', { userCode, decision: 'unverified' })).toBe(200);
    const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
    const polled = await fetch(`${issuer}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({ client_id, grant_type, device_code: device_code ?? '' }),
    });
    expect(await polled.json()).toMatchObject({ error: 'access_denied', error_description: expect.stringContaining('verify your email') });
  });
});
