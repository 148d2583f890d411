import * as v from 'valibot';
import { ECOSYSTEMS, type Ecosystem } from '../../../../shared/model/ecosystem.ts';
import { FEATURES } from '../directory.ts';
import { factsSchema, isFactsKey } from '../facts.ts';
import { FAULT_KINDS } from '../faults.ts';
import { PATHS } from '../identity-provider/names.ts';
import { IDENTITY_FAULT_KINDS } from '../identity-provider/token-faults.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `500ms`, `30s`, `5m`, `1h`: in milliseconds. */
export const durationMs = v.pipe(
  v.string(),
  v.regex(/^\d{1,9}(ms|s|m|h)$/, 'must be a time such as 500ms, 30s, 5m, 1h'),
  v.transform((text: string) => Number.parseInt(text, 10) * (UNIT_MS[text.replace(/^\d+/, '')] ?? 1)),
);

/** The same back, in the largest unit that leaves no rest. */
export function toDuration(ms: number): string {
  const [unit = 'ms', unitMs = 1] = Object.entries(UNIT_MS).findLast(([, each]) => ms % each === 0) ?? [];
  return `${ms / unitMs}${unit}`;
}

const limit = v.union([v.literal('none'), v.pipe(v.number(), v.safeInteger(), v.minValue(1))]);

const reportSchema = v.strictObject({
  /** Given to change a report that was sent before. */
  id: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(128))),
  ecosystem: v.picklist(Object.keys(ECOSYSTEMS) as [Ecosystem, ...Ecosystem[]]),
  name: v.pipe(v.string(), v.minLength(1)),
  /** All versions where it is left out. */
  versions: v.optional(v.array(v.pipe(v.string(), v.maxLength(256))), []),
  verdict: v.optional(v.picklist(['malicious', 'suspicious']), 'malicious'),
  verified: v.optional(v.boolean(), false),
  withdrawn: v.optional(v.boolean(), false),
});

const packagesSchema = v.record(v.pipe(v.string(), v.check(isFactsKey, 'a key must read ECOSYSTEM/name@version')), factsSchema);

/**
 * What can change in the stand-in, at its start, in a scenario's step or by the remote control:
 *
 * - `packages`: facts by `ECOSYSTEM/name@version`; the version `*` stands for all that are not named.
 * - `report`: a report of the threat feed, new or (by its id) changed, which delivers it again.
 * - `fault`, `identityFault`: of the service and of the identity provider; `none` takes it back.
 * - `latency`: how long an answer takes. `limits`: calls in any second, by plane.
 * - `tenant`: what a tenant (the first, or the one of `domain`) has: `features`, `quotas` (calls of a method that are left, or `none`).
 * - `expireKeys`: the name of the API keys that expire now, or `all`.
 */
export const changeFields = {
  packages: v.optional(packagesSchema),
  report: v.optional(reportSchema),
  fault: v.optional(
    v.union([
      v.literal('none'),
      v.strictObject({ kind: v.picklist(FAULT_KINDS), for: v.optional(durationMs), method: v.optional(v.string()) }),
    ]),
  ),
  identityFault: v.optional(
    v.union([
      v.literal('none'),
      v.strictObject({
        kind: v.picklist(IDENTITY_FAULT_KINDS),
        endpoint: v.optional(v.picklist(Object.keys(PATHS) as [keyof typeof PATHS, ...(keyof typeof PATHS)[]])),
        times: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
        delay: v.optional(durationMs),
      }),
    ]),
  ),
  latency: v.optional(durationMs),
  limits: v.optional(v.strictObject({ data: v.optional(limit), control: v.optional(limit), community: v.optional(limit) })),
  tenant: v.optional(
    v.strictObject({
      domain: v.optional(v.string()),
      features: v.optional(v.array(v.picklist(FEATURES as [string, ...string[]]))),
      quotas: v.optional(v.record(v.string(), v.union([v.literal('none'), v.pipe(v.number(), v.safeInteger(), v.minValue(0))]))),
    }),
  ),
  expireKeys: v.optional(v.pipe(v.string(), v.minLength(1))),
};

export const changeSchema = v.strictObject(changeFields);
export type Change = v.InferOutput<typeof changeSchema>;
