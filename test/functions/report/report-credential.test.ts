import { describe, expect, it } from 'vitest';
import { makeReportCredentials } from '../../../functions/report/report-credential.ts';
import { SecretError } from '../../../shared/aws/secrets.ts';

const JWT = JSON.stringify({ accessToken: 'canary-jwt', tenantId: 'tenant.example' });
const KEY = JSON.stringify({ apiKey: 'canary-key', tenantId: 'tenant.example' });

function makeWorld(values: Record<string, string>, ids: { serviceJwt?: string; apiKey?: string } = { serviceJwt: 'jwt', apiKey: 'key' }) {
  const warned: string[] = [];
  const forgotten: string[] = [];
  const credentials = makeReportCredentials(
    {
      read: async (id) => {
        const value = values[id];
        if (value === undefined) throw new SecretError(`the secret ${id} has no value`);
        return value;
      },
      forget: (id) => void forgotten.push(id),
    },
    { serviceJwt: ids.serviceJwt, apiKey: ids.apiKey },
    { warn: (message, fields) => void warned.push(`${message} ${JSON.stringify(fields)}`) },
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
