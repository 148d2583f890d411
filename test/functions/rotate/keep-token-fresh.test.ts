import { afterEach, describe, expect, it, vi } from 'vitest';
import { HOUR_MS, makeWorld, REFRESH_TOKEN, SERVICE_JWT, START_MS, TENANT_ID, TOKEN_LIFE_MS, type World } from './rotate-world.ts';

/** Lambda runs an event again a minute after its failure. */
const RETRY_MS = 61_000;
const LEEWAY_MS = 120_000;

afterEach(() => void vi.useRealTimers());

/** The calls of a run that nothing happens to. */
async function callsOfAWholeRun(): Promise<readonly string[]> {
  const world = makeWorld({ leewayMs: 0 });
  expect(await world.run()).toMatchObject({ kind: 'refreshed' });
  return world.calls();
}

async function expectAliveForDays(world: World): Promise<void> {
  for (let refresh = 0; refresh < 3; refresh += 1) {
    world.passMs(TOKEN_LIFE_MS / 2 + HOUR_MS);
    expect(await world.run()).toMatchObject({ kind: 'refreshed' });
  }
}

describe('keepTokenFresh', () => {
  it('leaves a token alone that has more than half of its life, and asks nobody', async () => {
    const world = makeWorld({ leewayMs: 0 });
    world.passMs(-HOUR_MS);
    expect(await world.run()).toEqual({ kind: 'fresh', signedInAtMs: START_MS });
    expect(world.calls()).toEqual(['secrets.read', 'secrets.read']);
  });

  it('replaces both tokens at half of the life, the refresh token first of all', async () => {
    const world = makeWorld({ leewayMs: 0 });
    expect(await world.run()).toEqual({ kind: 'refreshed', expiresAtMs: Date.now() + TOKEN_LIFE_MS, signedInAtMs: START_MS });
    expect(await world.valueOf(REFRESH_TOKEN)).toEqual({
      issuer: 'https://id.example',
      clientId: 'client',
      refreshToken: 'refresh-1',
      tenantId: TENANT_ID,
      signedInAt: new Date(START_MS).toISOString(),
      refreshedAt: new Date().toISOString(),
    });
    expect(await world.valueOf(SERVICE_JWT)).toMatchObject({
      tenantId: TENANT_ID,
      expiresAt: new Date(Date.now() + TOKEN_LIFE_MS).toISOString(),
    });
    const calls = world.calls();
    expect(calls[calls.indexOf('provider.refresh') + 1]).toBe('secrets.putPending');
    await expectAliveForDays(world);
    expect(world.provider.rotations).toBe(4);
  });

  it('does nothing where nobody is signed in', async () => {
    const world = makeWorld({ leewayMs: 0 });
    expect(await world.run({ ports: { refreshTokenSecretId: 'api-key-that-is-not-there' } })).toEqual({ kind: 'no-sign-in' });
    expect(world.provider.rotations).toBe(0);
  });

  it('makes a first access token where there is none, and one in the place of a malformed one or of another tenant’s', async () => {
    const bad = [undefined, 'no JSON', JSON.stringify({ accessToken: 'a', tenantId: 'other.example', expiresAt: '2030-01-01T00:00:00Z' })];
    for (const value of bad) {
      const world = makeWorld({ leewayMs: 0 });
      world.passMs(-HOUR_MS);
      if (value !== undefined) {
        const former = await world.secrets.read(SERVICE_JWT);
        await world.secrets.putPending(SERVICE_JWT, 'a-version', value);
        await world.secrets.promote(SERVICE_JWT, 'a-version', former?.versionId);
      }
      const ports = value === undefined ? { serviceJwtSecretId: 'api-key' } : {};
      expect((await world.run({ ports })) as object).toMatchObject({ kind: 'refreshed' });
    }
  });

  it('does not replace a version twice within ten minutes while its token is good, and does at once when it is over', async () => {
    const world = makeWorld({ leewayMs: 0 });
    await world.run();
    const { accessToken } = await world.valueOf(SERVICE_JWT);
    world.passMs(5 * 60_000);
    expect(await world.run()).toMatchObject({ kind: 'fresh' });
    world.passMs(TOKEN_LIFE_MS);
    expect(await world.run()).toMatchObject({ kind: 'refreshed' });
    expect((await world.valueOf(SERVICE_JWT))['accessToken']).not.toBe(accessToken);
  });

  it('replaces a good token by hand', async () => {
    const world = makeWorld({ leewayMs: 0 });
    world.passMs(-HOUR_MS);
    expect(await world.run({ force: true })).toMatchObject({ kind: 'refreshed' });
  });

  it('tries the old refresh token again at once where an answer was lost, under the same claim', async () => {
    const world = makeWorld({ leewayMs: LEEWAY_MS });
    world.provider.loseAnswers = 2;
    expect(await world.run()).toMatchObject({ kind: 'refreshed' });
    expect(world.calls().filter((call) => call === 'provider.refresh')).toHaveLength(3);
    expect(world.provider.maxInFlight).toBe(1);
    await expectAliveForDays(world);
  });

  it('gives up where the provider does not answer, and says how urgent it is', async () => {
    const world = makeWorld({ leewayMs: 0 });
    const away = { refresh: async () => ({ kind: 'unavailable', reason: 'no route', mayHaveRotated: false }) as const };
    expect(await world.run({ ports: away })).toMatchObject({ kind: 'unavailable', reason: 'no route', isUrgent: false });
    world.passMs(TOKEN_LIFE_MS / 2 - HOUR_MS);
    expect(await world.run({ ports: away })).toMatchObject({ kind: 'unavailable', isUrgent: true });
    expect(await world.run()).toMatchObject({ kind: 'refreshed' });
  });

  it('asks for a sign-in where the refresh token is rejected, asks the provider again hourly only, and goes on after the sign-in', async () => {
    const world = makeWorld({ leewayMs: 0 });
    world.provider.end();
    expect(await world.run()).toMatchObject({ kind: 'rejected', reason: expect.stringContaining('invalid_grant') });
    world.passMs(5 * 60_000);
    expect(await world.run()).toMatchObject({ kind: 'rejected' });
    expect(world.calls()).not.toContain('provider.refresh');
    world.passMs(HOUR_MS);
    await world.run();
    expect(world.calls()).toContain('provider.refresh');
    await signInAnew(world);
    expect(await world.run()).toMatchObject({ kind: 'refreshed' });
    await expectAliveForDays(world);
  });

  it('keeps trying to write a new refresh token, which nobody else has', async () => {
    const world = makeWorld({ leewayMs: 0 });
    let failures = 3;
    const secrets = {
      ...world.secrets,
      putPending: async (...args: Parameters<typeof world.secrets.putPending>) => {
        if (args[0] === REFRESH_TOKEN && failures-- > 0) throw new Error('Secrets Manager is away');
        return world.secrets.putPending(...args);
      },
    };
    expect(await world.run({ ports: { secrets } })).toMatchObject({ kind: 'refreshed' });
    expect(world.warned).toHaveLength(3);
    await expectAliveForDays(world);
  });

  it('leaves the sign-in of a person in place who was faster', async () => {
    const world = makeWorld({ leewayMs: 0 });
    let theirs = '';
    const refresh = async () => {
      const result = await world.provider.refresh('refresh-0');
      theirs = await signInAnew(world);
      return result;
    };
    expect(await world.run({ ports: { refresh } })).toMatchObject({ kind: 'overtaken' });
    expect(await world.valueOf(REFRESH_TOKEN)).toMatchObject({ refreshToken: theirs });
    expect(await world.run()).toMatchObject({ kind: 'refreshed' });
  });
});

describe('several writers', () => {
  it('have one refresh in flight at most, and one rotation between them', async () => {
    const world = makeWorld({ leewayMs: 0 });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => world.run()));
    expect(outcomes.filter((outcome) => outcome !== 'died' && outcome.kind === 'refreshed')).toHaveLength(1);
    expect([world.provider.maxInFlight, world.provider.rotations]).toEqual([1, 1]);
  });

  it('have one claim, which ends by itself when its holder was killed', async () => {
    const world = makeWorld({ leewayMs: LEEWAY_MS });
    const atCall = (await callsOfAWholeRun()).indexOf('provider.refresh') + 1;
    const second = makeWorld({ leewayMs: LEEWAY_MS });
    expect(await second.run({ death: { atCall, when: 'before' } })).toBe('died');
    expect(await second.run()).toMatchObject({ kind: 'busy' });
    second.passMs(RETRY_MS);
    expect(await second.run()).toMatchObject({ kind: 'refreshed' });
    expect(world.provider.rotations).toBe(0);
  });

  it('meet in the version that may follow: who was frozen beyond the claim is refused, and the chain goes on', async () => {
    const world = makeWorld({ leewayMs: LEEWAY_MS });
    const refresh = async () => {
      const mine = await world.provider.refresh('refresh-0');
      world.passMs(RETRY_MS);
      expect(await world.run()).toMatchObject({ kind: 'refreshed' });
      return mine;
    };
    expect(await world.run({ ports: { refresh } })).toMatchObject({ kind: 'overtaken' });
    await expectAliveForDays(world);
  });
});

describe('killed at every await, then run again', () => {
  const HOLE = ['provider.refresh after', 'secrets.putPending before'];

  async function sweep(leewayMs: number): Promise<{ broken: string[]; places: number }> {
    const names = await callsOfAWholeRun();
    const broken: string[] = [];
    let places = 0;
    for (const [index, name] of names.entries()) {
      for (const when of ['before', 'after'] as const) {
        const world = makeWorld({ leewayMs });
        expect(await world.run({ death: { atCall: index + 1, when } })).toBe('died');
        places += 1;
        world.passMs(RETRY_MS);
        const outcome = await world.run();
        if (outcome !== 'died' && (outcome.kind === 'refreshed' || outcome.kind === 'fresh')) {
          await expectAliveForDays(world);
          continue;
        }
        expect(outcome).toMatchObject({ kind: 'rejected' });
        broken.push(`${name} ${when}`);
      }
    }
    return { broken, places };
  }

  it('never breaks the chain where the provider has a reuse leeway', async () => {
    const { broken, places } = await sweep(LEEWAY_MS);
    expect(broken).toEqual([]);
    expect(places).toBeGreaterThan(30);
  });

  it('breaks it without a leeway in the one known hole only, and asks for a sign-in then', async () => {
    expect((await sweep(0)).broken).toEqual(HOLE);
  });

  it('dies twice in a row, anywhere, without breaking the chain where there is a leeway', async () => {
    const count = (await callsOfAWholeRun()).length;
    for (let first = 1; first <= count; first += 1) {
      for (let second = 1; second <= count; second += 3) {
        const world = makeWorld({ leewayMs: 10 * RETRY_MS });
        await world.run({ death: { atCall: first, when: 'after' } });
        world.passMs(RETRY_MS);
        await world.run({ death: { atCall: second, when: 'after' } });
        world.passMs(RETRY_MS);
        const outcome = await world.run();
        expect(outcome === 'died' ? outcome : outcome.kind, `${first}, ${second}`).toMatch(/^(refreshed|fresh)$/);
        await expectAliveForDays(world);
      }
    }
  });
});

/** As `auth login --service` does it: without a claim, a version of its own. Resolves to the refresh token. */
async function signInAnew({ provider, secrets }: World): Promise<string> {
  const refreshToken = provider.signIn();
  const former = await secrets.read(REFRESH_TOKEN);
  const value = JSON.stringify({ ...JSON.parse(former?.value ?? '{}'), refreshToken, signedInAt: new Date().toISOString() });
  await secrets.putPending(REFRESH_TOKEN, `by-hand-${refreshToken}`, value);
  await secrets.promote(REFRESH_TOKEN, `by-hand-${refreshToken}`, former?.versionId);
  return refreshToken;
}
