import type { LimitScope } from '../../shared/rate-limit/limit-key.ts';
import {
  currentSpacingMicros,
  farthestSlotMicros,
  MICROS_PER_MS,
  planPacing,
  slotsPerSecond,
  type WindowLimit,
} from '../../shared/rate-limit/slots.ts';
import type { LimitState } from '../../shared/rate-limit/store.ts';

/** One limit as `cli limit show --json` prints it. Times are relative to now on this machine's clock; rates are of the whole fleet. */
export interface LimitDescription extends LimitScope {
  /** Negative: the next free slot is past, and nobody waits. */
  readonly nextSlotInMs: number;
  /** The next free slot is further ahead than any pause puts it, so that a wrong clock booked it; `null` without the settings. */
  readonly isNextSlotWrong: boolean | null;
  /** What the settings allow, one window or several that hold together; `null` where they were not read. */
  readonly settings: readonly WindowLimit[] | null;
  /** What settings, policy and slow-down leave now; `null` without the settings. */
  readonly slotsPerSecond: number | null;
  readonly policySlotsPerSecond: number | null;
  /** The last cut after refusals. `isOver`: its rate has grown to what is allowed; `null` without the settings. */
  readonly slowdown: {
    readonly slotsPerSecond: number;
    readonly refusedSlotsPerSecond: number;
    readonly agoMs: number;
    readonly isOver: boolean | null;
  } | null;
  readonly lastLeaseSlotsPerSecond: number;
  /** Since the last lease or slow-down; changes of the policy do not count. */
  readonly lastWriteAgoMs: number;
  /** Times up to which the windows beyond the shortest are used up. */
  readonly longWindows: readonly { readonly seconds: number; readonly usedUpInMs: number }[];
}

export function describeLimit(
  scope: LimitScope,
  state: LimitState,
  settings: readonly WindowLimit[] | undefined,
  nowMs: number,
): LimitDescription {
  const nowMicros = nowMs * MICROS_PER_MS;
  const inMs = (micros: number): number => (micros - nowMicros) / MICROS_PER_MS;
  const pacing = settings && planPacing(settings);
  const spacingMicros = pacing && currentSpacingMicros(pacing, state, nowMicros);
  const allowedMicros = pacing && Math.max(pacing.spacingMicros, state.policySpacingMicros ?? 0);
  const { slowdown, policySpacingMicros } = state;
  return {
    ...scope,
    nextSlotInMs: inMs(state.nextSlotMicros),
    isNextSlotWrong: pacing ? state.nextSlotMicros > nowMicros + farthestSlotMicros(pacing) : null,
    settings: settings ?? null,
    slotsPerSecond: spacingMicros === undefined ? null : slotsPerSecond(spacingMicros),
    policySlotsPerSecond: policySpacingMicros === undefined ? null : slotsPerSecond(policySpacingMicros),
    slowdown: slowdown
      ? {
          slotsPerSecond: slotsPerSecond(slowdown.spacingMicros),
          refusedSlotsPerSecond: slotsPerSecond(slowdown.refusedSpacingMicros),
          agoMs: -inMs(slowdown.atMicros),
          isOver: spacingMicros === undefined ? null : spacingMicros === allowedMicros,
        }
      : null,
    lastLeaseSlotsPerSecond: slotsPerSecond(state.spacingMicros),
    lastWriteAgoMs: -inMs(state.stampMicros),
    longWindows: Object.entries(state.longWindows).map(([seconds, micros]) => ({ seconds: Number(seconds), usedUpInMs: inMs(micros) })),
  };
}

/** The same for people, line by line. */
export function limitLines(limit: LimitDescription): string[] {
  const row = (name: string, text: string): string => `  ${name.padEnd(15)} ${text}`;
  const { settings, slowdown } = limit;
  const lines = [
    nameOf(limit),
    row('next free slot', nextSlotText(limit)),
    row(
      'rate now',
      limit.slotsPerSecond === null || settings === null
        ? 'not known without the settings; name their table with --settings-table'
        : `${rateText(limit.slotsPerSecond)}; the settings allow ${windowsText(settings)}`,
    ),
    row('policy', limit.policySlotsPerSecond === null ? 'none' : `at most ${rateText(limit.policySlotsPerSecond)}`),
  ];
  if (slowdown) {
    const ending = slowdown.isOver === null ? '' : slowdown.isOver ? '; over' : '; recovering';
    const { slotsPerSecond: rate, refusedSlotsPerSecond, agoMs } = slowdown;
    lines.push(row('slow-down', `to ${rateText(rate)}, ${relativeText(-agoMs)}, refused at ${rateText(refusedSlotsPerSecond)}${ending}`));
  } else lines.push(row('slow-down', 'none'));
  lines.push(row('last lease', `at ${rateText(limit.lastLeaseSlotsPerSecond)}`), row('last write', relativeText(-limit.lastWriteAgoMs)));
  for (const { seconds, usedUpInMs } of limit.longWindows) lines.push(row(`window ${seconds} s`, `used up to ${relativeText(usedUpInMs)}`));
  return lines;
}

function nextSlotText({ nextSlotInMs, isNextSlotWrong }: LimitDescription): string {
  if (nextSlotInMs < 0) return `now, free for ${durationText(-nextSlotInMs)}`;
  const wrong = "; no pause is that long: a worker's clock was wrong. Delete the item of this limit to start anew";
  return `${relativeText(nextSlotInMs)}${isNextSlotWrong ? wrong : ''}`;
}

export function nameOf({ plane, tenant, keyId }: LimitScope): string {
  return `plane ${plane}, tenant ${tenant}, key ${keyId}`;
}

export function windowText({ requests, perSeconds }: WindowLimit): string {
  return `${requests.toLocaleString('en-US')} request${requests === 1 ? '' : 's'} in ${perSeconds.toLocaleString('en-US')} s`;
}

export function windowsText(limits: readonly WindowLimit[]): string {
  return limits.map(windowText).join(' and ');
}

export function rateText(perSecond: number): string {
  return `${perSecond.toLocaleString('en-US', { maximumFractionDigits: perSecond < 10 ? 3 : 1 })} slots/s`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ['days', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** `in 120 ms`, `3 min ago`. */
export function relativeText(ms: number): string {
  return ms < 0 ? `${durationText(-ms)} ago` : `in ${durationText(ms)}`;
}

/** From two of a unit on: "90 min" says more than "2 h". */
function durationText(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, candidateMs]) => ms >= 2 * candidateMs) ?? ['ms', 1];
  return `${Math.round(ms / unitMs).toLocaleString('en-US')} ${unit}`;
}
