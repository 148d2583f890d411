import { describe, expect, it } from 'vitest';
import { makeReportCredentials } from '../../../functions/report/report-credential.ts';
import { SecretError } from '../../../shared/aws/secrets.ts';
import { unsignedToken } from '../../shared/safedep/identity/scripted-provider.ts';

const JWT = JSON.stringify({ accessToken: 'canary-jwt', tenantId: 'tenant.example' });
const NOW_MS = 1_800_000_000_000;
const jwtUntil = (expiresAtMs: number) =>
  JSON.stringify({ accessToken: unsignedToken({ exp: expiresAtMs / 1000 }), tenantId: 'tenant.example' });
const KEY = JSON.stringify({ apiKey: 'canary-key', tenantId: 'tenant.example' });

function makeWorld(values: Record<string, string>, ids: { serviceJwt?: string; apiKey?: string } = { serviceJwt: 'jwt', apiKey: 'key' }) {
  const warned: string[] = [];
  const forgotten: string[] = [];
  const credentials = makeReportCredentials(
    {
      readVersion: async (id) => {
        const value = values[id];
        if (value === undefined) throw new SecretError(`the secret ${id} has no value`);
        return { value, versionId: `version of ${value}` };
      },
      forget: (id) => void forgotten.push(id),
    },
    { serviceJwt: ids.serviceJwt, apiKey: ids.apiKey },
    { warn: (message, fields) => void warned.push(`${message} ${JSON.stringify(fields)}`) },
    () => NOW_MS,
  );
  return { ...credentials, warned, forgotten };
}

describe('makeReportCredentials', () => {
  it('reports with the service JWT and counts against the limit of the API key, which the workers share', async () => {
    const { credential, limitedCredential, warned } = makeWorld({ jwt: JWT, key: KEY });
    expect(await credential({ refresh: false })).toEqual({ authorization: 'canary-jwt', tenantId: 'tenant.example' });
    expect((await limitedCredential()).authorization).toBe('canary-key');
    expect(warned).toEqual([]);
  });

  it('reports with the API key where there is no JWT, and says so once', async () => {
    for (const ids of [{ serviceJwt: 'jwt', apiKey: 'key' }, { apiKey: 'key' }]) {
      const { credential, warned } = makeWorld({ key: KEY }, ids);
      for (const refresh of [false, true, false]) expect((await credential({ refresh })).authorization).toBe('canary-key');
      expect(warned).toHaveLength(1);
      expect(warned.join()).not.toContain('canary');
    }
  });

  it("counts against the JWT's own limit where there is no key", async () => {
    expect((await makeWorld({ jwt: JWT }).limitedCredential()).authorization).toBe('canary-jwt');
  });

  it('reads both secrets anew after a refusal', async () => {
    const { credential, forgotten } = makeWorld({ jwt: JWT, key: KEY });
    await credential({ refresh: true });
    expect(forgotten).toEqual(['jwt', 'key']);
  });

  it('goes on with the API key once the JWT is over, and says so once', async () => {
    const over = makeWorld({ jwt: jwtUntil(NOW_MS), key: KEY });
    for (let times = 0; times < 2; times += 1) expect((await over.credential({ refresh: false })).authorization).toBe('canary-key');
    expect(over.warned).toEqual([expect.stringContaining('the service JWT is over: reports go out with the API key')]);
    expect((await makeWorld({ jwt: jwtUntil(NOW_MS + 1), key: KEY }).credential({ refresh: false })).authorization).not.toBe('canary-key');
  });

  it('goes on with the API key while SafeDep refuses the JWT, and with the JWT again when it is replaced', async () => {
    const values: Record<string, string> = { jwt: JWT, key: KEY };
    const { credential, warned } = makeWorld(values);
    await credential({ refresh: false });
    expect((await credential({ refresh: true })).authorization).toBe('canary-key');
    expect((await credential({ refresh: false })).authorization).toBe('canary-key');
    expect(warned).toHaveLength(1);
    values['jwt'] = JSON.stringify({ accessToken: 'canary-next-jwt', tenantId: 'tenant.example' });
    expect((await credential({ refresh: false })).authorization).toBe('canary-next-jwt');
  });

  it('takes the replaced JWT at once where only the old one was refused', async () => {
    const values: Record<string, string> = { jwt: JWT, key: KEY };
    const { credential, warned } = makeWorld(values);
    await credential({ refresh: false });
    values['jwt'] = JSON.stringify({ accessToken: 'canary-next-jwt', tenantId: 'tenant.example' });
    expect((await credential({ refresh: true })).authorization).toBe('canary-next-jwt');
    expect(warned).toEqual([]);
  });

  it('stays with a refused JWT where there is no key', async () => {
    const { credential } = makeWorld({ jwt: JWT });
    await credential({ refresh: false });
    expect((await credential({ refresh: true })).authorization).toBe('canary-jwt');
  });

  it('refuses a malformed secret instead of passing it over, and shows nothing of it', async () => {
    const { credential } = makeWorld({ jwt: 'canary, not JSON', key: KEY });
    await expect(credential({ refresh: false })).rejects.toThrow('not JSON');
    await expect(credential({ refresh: false })).rejects.not.toThrow(/canary/);
  });

  it('names the secrets where neither has a value', async () => {
    const { credential, limitedCredential } = makeWorld({});
    await expect(credential({ refresh: false })).rejects.toThrow('jwt or key');
    await expect(limitedCredential()).rejects.toThrow('jwt or key');
  });
});
