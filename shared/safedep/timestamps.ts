import type { Timestamp } from '@bufbuild/protobuf/wkt';

/** Milliseconds since the epoch; a time before it, beyond JavaScript's dates, or none, is not known. */
export function toEpochMs(timestamp: Pick<Timestamp, 'seconds' | 'nanos'> | undefined): number | undefined {
  if (timestamp === undefined) return undefined;
  const milliseconds = Number(timestamp.seconds) * 1000 + Math.floor(timestamp.nanos / 1e6);
  return milliseconds > 0 && milliseconds <= 8.64e15 ? milliseconds : undefined;
}

/**
 * A time as RFC 3339 text in UTC with all nine digits behind the second, so that texts compare as their times do and nothing is
 * rounded: a cursor that lost its nanoseconds would meet the same entry again, or skip one.
 */
export function toTimeText({ seconds, nanos }: Pick<Timestamp, 'seconds' | 'nanos'>): string {
  const wholeSeconds = new Date(Number(seconds) * 1000).toISOString().slice(0, -'.000Z'.length);
  return `${wholeSeconds}.${String(nanos).padStart(9, '0')}Z`;
}

/** Reads RFC 3339 text in UTC with up to nine digits behind the second; `undefined` where it is no such time. */
export function fromTimeText(text: string): { readonly seconds: bigint; readonly nanos: number } | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text);
  const milliseconds = match ? Date.parse(`${match[1]}Z`) : Number.NaN;
  if (Number.isNaN(milliseconds)) return undefined;
  return { seconds: BigInt(milliseconds / 1000), nanos: Number((match?.[2] ?? '').padEnd(9, '0')) };
}
