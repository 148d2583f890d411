import { createHash } from 'node:crypto';

/** Keys of ours are told by their names. Those of another deployment in the same tenant are not ours. */
export interface KeyNames {
  /** A key's name, with the second in which it is made. */
  nameAt(nowMs: number): string;
  /** When a key of ours was made, epoch milliseconds; `undefined` for a key that is not ours. */
  madeAtMs(name: string): number | undefined;
}

/** @param secretId where the keys are kept: its ARN names the account, the region and the deployment. */
export function keyNamesFor(secretId: string): KeyNames {
  const deployment = createHash('sha256').update(secretId).digest('hex').slice(0, 12);
  const form = new RegExp(`^safedep-watch ${deployment} (\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ)$`);
  return {
    nameAt: (nowMs) => `safedep-watch ${deployment} ${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    madeAtMs: (name) => {
      const atMs = Date.parse(form.exec(name)?.[1] ?? '');
      return Number.isNaN(atMs) ? undefined : atMs;
    },
  };
}
