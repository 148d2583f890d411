import * as z from 'zod/mini';
import { ECOSYSTEMS, type Ecosystem } from '../../../../shared/model/ecosystem.ts';
import { FEATURES } from '../directory.ts';
import { factsSchema, isFactsKey } from '../facts.ts';
import { FAULT_KINDS } from '../faults.ts';
import { PATHS } from '../identity-provider/names.ts';
import { IDENTITY_FAULT_KINDS } from '../identity-provider/token-faults.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `500ms`, `30s`, `5m`, `1h`: in milliseconds. */
export const durationMs = z.pipe(
  z.string().check(z.regex(/^\d{1,9}(ms|s|m|h)$/, 'must be a time such as 500ms, 30s, 5m, 1h')),
  z.transform((text: string) => Number.parseInt(text, 10) * (UNIT_MS[text.replace(/^\d+/, '')] ?? 1)),
);

/** The same back, in the largest unit that leaves no rest. */
export function toDuration(ms: number): string {
  const [unit = 'ms', unitMs = 1] = Object.entries(UNIT_MS).findLast(([, each]) => ms % each === 0) ?? [];
  return `${ms / unitMs}${unit}`;
}

const limit = z.union([z.literal('none'), z.number().check(z.int(), z.minimum(1))]);

const reportSchema = z.strictObject({
  /** Given to change a report that was sent before. */
  id: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
  ecosystem: z.enum(Object.keys(ECOSYSTEMS) as [Ecosystem, ...Ecosystem[]]),
  name: z.string().check(z.minLength(1)),
  /** All versions where it is left out. */
  versions: z._default(z.array(z.string().check(z.maxLength(256))), []),
  verdict: z._default(z.enum(['malicious', 'suspicious']), 'malicious'),
  verified: z._default(z.boolean(), false),
  withdrawn: z._default(z.boolean(), false),
});

const packagesSchema = z.record(z.string(), factsSchema).check((context) => {
  for (const key of Object.keys(context.value)) {
    if (isFactsKey(key)) continue;
    context.issues.push({ code: 'custom', path: [key], input: key, message: 'a key must read ECOSYSTEM/name@version' });
  }
});

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
  packages: z.optional(packagesSchema),
  report: z.optional(reportSchema),
  fault: z.optional(
    z.union([
      z.literal('none'),
      z.strictObject({ kind: z.enum(FAULT_KINDS), for: z.optional(durationMs), method: z.optional(z.string()) }),
    ]),
  ),
  identityFault: z.optional(
    z.union([
      z.literal('none'),
      z.strictObject({
        kind: z.enum(IDENTITY_FAULT_KINDS),
        endpoint: z.optional(z.enum(Object.keys(PATHS) as [keyof typeof PATHS, ...(keyof typeof PATHS)[]])),
        times: z.optional(z.number().check(z.int(), z.minimum(1))),
        delay: z.optional(durationMs),
      }),
    ]),
  ),
  latency: z.optional(durationMs),
  limits: z.optional(z.strictObject({ data: z.optional(limit), control: z.optional(limit), community: z.optional(limit) })),
  tenant: z.optional(
    z.strictObject({
      domain: z.optional(z.string()),
      features: z.optional(z.array(z.enum(FEATURES as [string, ...string[]]))),
      quotas: z.optional(z.record(z.string(), z.union([z.literal('none'), z.number().check(z.int(), z.minimum(0))]))),
    }),
  ),
  expireKeys: z.optional(z.string().check(z.minLength(1))),
};

export const changeSchema = z.strictObject(changeFields);
export type Change = z.output<typeof changeSchema>;
