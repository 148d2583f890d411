import { describe, expect, it } from 'vitest';
import type { CallResult } from '../../../shared/safedep/calls.ts';
import { tellCredentialFailures } from '../../../shared/safedep/tell-failures.ts';

describe('tellCredentialFailures', () => {
  const refused = { kind: 'credentials', code: 'Unauthenticated', reason: 'SafeDep refuses the key' } as const;

  it('tells of results about the credential and of no others, and changes none', async () => {
    const results: CallResult<number>[] = [
      { kind: 'answered', response: 1 },
      refused,
      { kind: 'retry', code: 'Unavailable', reason: 'away' },
    ];
    const told: unknown[] = [];
    const client = tellCredentialFailures({ ask: async (index: number) => results[index], name: () => 'client' }, (failure) =>
      told.push(failure),
    );
    expect(await Promise.all([0, 1, 2].map((index) => client.ask(index)))).toEqual(results);
    expect(client.name()).toBe('client');
    expect(told).toEqual([refused]);
  });
});
