import { afterEach, describe, expect, it, vi } from 'vitest';
import { keyNamesFor } from '../../../functions/rotate/key-name.ts';
import { type KeyPorts, ROTATION_STEPS, RotationError, rotateApiKey } from '../../../functions/rotate/rotate-api-key.ts';
import { GRACE_MS, OVERDUE_LEFT_MS, STUCK_MS, tendApiKey } from '../../../functions/rotate/tend-api-key.ts';
import type { Rotations } from '../../../infra/local/engines/secrets.ts';
import { CURRENT, createSecretVersions, PENDING, type SecretVersions, versionWith } from '../../../shared/aws/secret-versions.ts';
import { API_KEY, type Death, engineWith, identityInMemory, inProcessClient, mortal, START_MS, TENANT_ID } from './rotate-world.ts';

const DAY_MS = 24 * 60 * 60_000;
const RETRY_MS = 61_000;

afterEach(() => void vi.useRealTimers());

interface Key {
  readonly keyId: string;
  readonly name: string;
  readonly key: string;
  readonly expiresAtMs: number;
}

/** SafeDep's side: the tenant's keys. */
class Tenant {
  readonly keys = new Map<string, Key>([
    ['theirs', { keyId: 'theirs', name: 'made by a person', key: 'sfd_theirs', expiresAtMs: START_MS + 365 * DAY_MS }],
    [
      'neighbour',
      { keyId: 'neighbour', name: keyNamesFor('another-secret').nameAt(START_MS), key: 'sfd_n', expiresAtMs: START_MS + DAY_MS },
    ],
  ]);
  tenantId: string | undefined = TENANT_ID;
  refusesNewKeys = false;
  /** The first tries with a new key are too early. */
  earlyTries = 0;

  isGood(apiKey: string | undefined): boolean {
    return [...this.keys.values()].some(({ key, expiresAtMs }) => key === apiKey && expiresAtMs > Date.now());
  }

  readonly service: KeyPorts['keys'] = {
    tenantId: async () => this.tenantId,
    createApiKey: async ({ name, expiryDays }) => {
      if (this.refusesNewKeys) return { kind: 'credentials', code: 'Unauthenticated', reason: 'SafeDep refuses the token' };
      const keyId = `key-${this.keys.size}-${Date.now()}`;
      const made = { keyId, name, key: `sfd_${keyId}`, expiresAtMs: Date.now() + expiryDays * DAY_MS };
      this.keys.set(keyId, made);
      return { kind: 'answered', response: made };
    },
    listApiKeys: async () => ({
      kind: 'answered',
      response: [...this.keys.values()].map(({ keyId, name, expiresAtMs }) => ({ keyId, name, expiresAtMs, description: '' })),
    }),
    deleteApiKey: async (keyId) =>
      this.keys.delete(keyId)
        ? { kind: 'answered', response: undefined }
        : { kind: 'refused', code: 'NotFound', reason: 'there is no such key' },
    tryOut: async ({ authorization }) =>
      this.earlyTries-- <= 0 && this.isGood(authorization)
        ? undefined
        : { kind: 'credentials', code: 'Unauthenticated', reason: 'SafeDep does not know the key' },
  };
}

function makeWorld({ first = true }: { readonly first?: boolean } = {}) {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  const tenant = new Tenant();
  const started: string[] = [];
  // The test itself runs the steps: the engine's own run ends at the first.
  const rotations: Rotations = {
    isRotated: () => true,
    invoke: async (_, { Step }) => {
      started.push(Step);
      throw new Error('not run by the engine');
    },
  };
  const engine = engineWith(first ? { [API_KEY]: { apiKey: 'sfd_theirs', tenantId: TENANT_ID } } : {}, rotations);
  const secrets = createSecretVersions(inProcessClient(engine));
  const identity = identityInMemory();
  const logged: string[] = [];
  let versions = 0;

  const portsOf = (wrap: <P extends object>(name: string, port: P) => P = (_, port) => port): KeyPorts => ({
    secrets: wrap('secrets', secrets),
    apiKeySecretId: API_KEY,
    identity: wrap('identity', identity),
    keys: wrap('keys', tenant.service),
    names: keyNamesFor(API_KEY),
    nowMs: Date.now,
    sleep: async (ms) => passMs(ms),
    log: { info: (message) => void logged.push(message), warn: (message) => void logged.push(message) },
  });
  const passMs = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

  return {
    tenant,
    secrets,
    identity,
    logged,
    started,
    passMs,
    /** As Secrets Manager begins one: the label is there, the value is not. */
    begin(): string {
      versions += 1;
      const ClientRequestToken = `rotation-${versions}-of-this-test-0123456789`;
      engine.call('RotateSecret', { SecretId: API_KEY, ClientRequestToken });
      return ClientRequestToken;
    },
    async rotate(versionId: string): Promise<void> {
      for (const step of ROTATION_STEPS) await rotateApiKey(step, versionId, portsOf());
    },
    step: (step: (typeof ROTATION_STEPS)[number], versionId: string) => rotateApiKey(step, versionId, portsOf()),
    tend: (canAsk = true) => tendApiKey(portsOf(), { canAsk }),
    async runMortal(run: (ports: KeyPorts) => Promise<unknown>, death?: Death) {
      const life = mortal(death);
      const result = await Promise.race([run(portsOf(life.wrap)).then(() => 'done' as const), life.died]);
      return { result, calls: life.calls };
    },
    current: async () => JSON.parse((await secrets.read(API_KEY))?.value ?? '{}') as Record<string, string>,
    ours: () => [...tenant.keys.values()].filter(({ name }) => keyNamesFor(API_KEY).madeAtMs(name) !== undefined),
  };
}

describe('rotateApiKey', () => {
  it('makes a key of ninety days, tries it, and makes it the current one, in Secrets Manager’s steps', async () => {
    const world = makeWorld();
    const versionId = world.begin();
    await world.step('createSecret', versionId);
    await world.step('setSecret', versionId);
    await world.step('testSecret', versionId);
    expect(await world.current()).toMatchObject({ apiKey: 'sfd_theirs' });
    await world.step('finishSecret', versionId);
    const [made] = world.ours();
    expect(await world.current()).toEqual({
      apiKey: made?.key,
      keyId: made?.keyId,
      tenantId: TENANT_ID,
      expiresAt: new Date(START_MS + 90 * DAY_MS).toISOString(),
    });
    expect(world.tenant.isGood('sfd_theirs')).toBe(true);
  });

  it('changes nothing when a step is repeated', async () => {
    const world = makeWorld();
    const versionId = world.begin();
    for (const step of ROTATION_STEPS) for (let times = 0; times < 3; times += 1) await world.step(step, versionId);
    expect(world.ours()).toHaveLength(1);
    expect(await world.current()).toMatchObject({ apiKey: world.ours()[0]?.key });
  });

  it('makes the first key of a stack that has none', async () => {
    const world = makeWorld({ first: false });
    await world.rotate(world.begin());
    expect(world.tenant.isGood((await world.current())['apiKey'])).toBe(true);
  });

  it('waits a moment for a new key to arrive everywhere', async () => {
    const world = makeWorld();
    world.tenant.earlyTries = 3;
    await world.rotate(world.begin());
    expect(await world.current()).toMatchObject({ apiKey: world.ours()[0]?.key });
  });

  it('tests a schedule that is new, before anybody has put a key', async () => {
    const world = makeWorld({ first: false });
    await world.step('testSecret', world.begin());
    expect(world.logged).toEqual(['there is no API key to test yet']);
  });

  it('refuses to finish with a key that does not work, or with none, and keeps the old one', async () => {
    const world = makeWorld();
    const versionId = world.begin();
    await expect(world.step('finishSecret', versionId)).rejects.toThrow('has no key');
    await world.step('createSecret', versionId);
    world.tenant.keys.delete(world.ours()[0]?.keyId ?? '');
    await expect(world.step('testSecret', versionId)).rejects.toThrow('the old one stays in use: SafeDep does not know the key');
    expect(await world.current()).toMatchObject({ apiKey: 'sfd_theirs' });
  });

  it('refuses a version that is not being rotated in', async () => {
    const world = makeWorld();
    await expect(world.step('createSecret', 'a-version-of-nobody')).rejects.toThrow(RotationError);
    expect(world.ours()).toEqual([]);
  });

  it('says what to do where nobody is signed in, and where it is for another tenant', async () => {
    const world = makeWorld();
    const versionId = world.begin();
    world.tenant.tenantId = undefined;
    await expect(world.step('createSecret', versionId)).rejects.toThrow('auth login --service');
    world.tenant.tenantId = 'other.example';
    await expect(world.step('createSecret', versionId)).rejects.toThrow(
      'of the tenant team.example.safedep.io and the robot user of other.example',
    );
    world.tenant.tenantId = TENANT_ID;
    world.tenant.refusesNewKeys = true;
    await expect(world.step('createSecret', versionId)).rejects.toThrow('SafeDep made no API key: SafeDep refuses the token');
  });
});

describe('each step killed at every await, then run again', () => {
  it('ends with a key that works, with the old one good all the time, and leaves nothing of ours behind after the grace', async () => {
    let places = 0;
    for (const step of ROTATION_STEPS) {
      for (let atCall = 1; ; atCall += 1) {
        const died = await Promise.all(
          (['before', 'after'] as const).map(async (when) => {
            const world = makeWorld();
            const versionId = world.begin();
            for (const earlier of ROTATION_STEPS.slice(0, ROTATION_STEPS.indexOf(step))) await world.step(earlier, versionId);
            const { result } = await world.runMortal((ports) => rotateApiKey(step, versionId, ports), { atCall, when });
            if (result === 'done') return false;
            expect(world.tenant.isGood((await world.current())['apiKey'])).toBe(true);
            world.passMs(RETRY_MS);
            // Secrets Manager begins again with the first step.
            await world.rotate(versionId);
            expect(world.tenant.isGood('sfd_theirs')).toBe(true);
            const { apiKey } = await world.current();
            expect(world.tenant.isGood(apiKey)).toBe(true);
            world.passMs(GRACE_MS + RETRY_MS);
            await world.tend();
            expect(world.ours().map(({ key }) => key)).toEqual([apiKey]);
            expect(world.tenant.keys.has('theirs') && world.tenant.keys.has('neighbour')).toBe(true);
            return true;
          }),
        );
        if (died.includes(false)) break;
        places += died.length;
      }
    }
    expect(places).toBeGreaterThan(20);
  });

  it('is tidied up by a run that is itself killed anywhere', async () => {
    for (let atCall = 1; ; atCall += 1) {
      const world = makeWorld();
      await world.rotate(world.begin());
      world.passMs(60 * DAY_MS);
      await world.rotate(world.begin());
      world.passMs(GRACE_MS);
      const { result } = await world.runMortal((ports) => tendApiKey(ports, { canAsk: true }), { atCall, when: 'after' });
      await world.tend();
      expect(world.ours().map(({ key }) => key)).toEqual([(await world.current())['apiKey']]);
      if (result === 'done') break;
    }
  });
});

describe('tendApiKey', () => {
  async function rotated() {
    const world = makeWorld();
    await world.rotate(world.begin());
    return world;
  }

  it('says when the key ends, where somebody wrote it down', async () => {
    expect(await makeWorld().tend()).toEqual({});
    expect(await (await rotated()).tend()).toEqual({ expiresAtMs: START_MS + 90 * DAY_MS });
  });

  it('deletes the former key of ours when the grace is over, not before, and never a key that is not ours', async () => {
    const world = await rotated();
    world.passMs(60 * DAY_MS);
    await world.rotate(world.begin());
    world.passMs(GRACE_MS - 1);
    await world.tend();
    expect(world.ours()).toHaveLength(2);
    world.passMs(1);
    await world.tend();
    expect(world.ours().map(({ key }) => key)).toEqual([(await world.current())['apiKey']]);
    expect([...world.tenant.keys.keys()]).toEqual(expect.arrayContaining(['theirs', 'neighbour']));
  });

  it('deletes nothing where the id of the key in use was not written down', async () => {
    const world = await rotated();
    const value = JSON.stringify({ apiKey: world.ours()[0]?.key, tenantId: TENANT_ID });
    await putByHand(world.secrets, value);
    world.passMs(2 * GRACE_MS);
    await world.tend();
    expect(world.ours()).toHaveLength(1);
  });

  it('asks SafeDep for the list once a rotation, not every five minutes', async () => {
    const world = await rotated();
    world.passMs(GRACE_MS);
    await world.tend();
    const { calls } = await world.runMortal((ports) => tendApiKey(ports, { canAsk: true }));
    expect(calls.filter((call) => call.startsWith('keys.'))).toEqual([]);
  });

  it('leaves a rotation alone that is under way, and finishes one that is stuck where its key works', async () => {
    const world = makeWorld();
    const versionId = world.begin();
    await world.step('createSecret', versionId);
    world.passMs(STUCK_MS - 1);
    await world.tend();
    expect(await world.current()).toMatchObject({ apiKey: 'sfd_theirs' });
    world.passMs(1);
    await world.tend();
    expect(await world.current()).toMatchObject({ apiKey: world.ours()[0]?.key });
  });

  it('gives up one that is stuck without a key, or with a dead one, and begins anew where somebody is signed in', async () => {
    for (const hasKey of [false, true]) {
      for (const canAsk of [true, false]) {
        const world = makeWorld();
        const versionId = world.begin();
        if (hasKey) await world.step('createSecret', versionId);
        for (const { keyId } of world.ours()) world.tenant.keys.delete(keyId);
        world.passMs(STUCK_MS);
        world.started.length = 0;
        await world.tend(canAsk);
        const { stages } = await world.secrets.describe(API_KEY);
        expect(stages.get(versionId) ?? []).toEqual([]);
        expect(versionWith(stages, CURRENT)).toBeDefined();
        expect(world.started.length > 0).toBe(canAsk);
      }
    }
  });

  it('asks for a rotation that is overdue, once', async () => {
    const world = await rotated();
    world.passMs(90 * DAY_MS - OVERDUE_LEFT_MS);
    world.started.length = 0;
    await world.tend();
    expect(world.started).toEqual([]);
    world.passMs(1);
    await world.tend(false);
    expect(world.started).toEqual([]);
    await world.tend();
    expect(world.started).toContain('createSecret');
    expect(versionWith((await world.secrets.describe(API_KEY)).stages, PENDING)).toBeDefined();
  });
});

describe('keyNamesFor', () => {
  it('knows its own names and the second that they were made in, and no others', () => {
    const names = keyNamesFor('arn:one');
    expect(names.nameAt(START_MS + 999)).toMatch(/^safedep-watch [0-9a-f]{12} 2026-01-01T00:00:00Z$/);
    expect(names.madeAtMs(names.nameAt(START_MS))).toBe(START_MS);
    for (const name of [
      keyNamesFor('arn:two').nameAt(START_MS),
      'safedep-watch',
      `${names.nameAt(START_MS)} `,
      `x${names.nameAt(START_MS)}`,
    ])
      expect(names.madeAtMs(name)).toBeUndefined();
  });
});

async function putByHand(secrets: SecretVersions, value: string): Promise<void> {
  const former = await secrets.read(API_KEY);
  await secrets.putPending(API_KEY, 'by-hand', value);
  await secrets.promote(API_KEY, 'by-hand', former?.versionId);
}
