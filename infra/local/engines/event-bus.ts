import { randomUUID } from 'node:crypto';
import { compilePattern } from './event-pattern.ts';
import { isRecord } from './intrinsics.ts';
import { AwsError } from './loopback-server.ts';
import { ACCOUNT, REGION, type RulePlan, type TargetPlan } from './plan.ts';

/** EventBridge API, PutEvents. */
const MAXIMUM_ENTRIES = 10;
const MAXIMUM_ENTRIES_BYTES = 1_048_576;

/** An event as rules and targets see it. */
export interface BusEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': string;
  readonly source: string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

interface EntryResult {
  readonly EventId?: string;
  readonly ErrorCode?: string;
  readonly ErrorMessage?: string;
}

export interface EventBusOptions {
  /** Fails single entries, as EventBridge may: the call itself succeeds. */
  readonly failEntry?: (entry: Readonly<Record<string, unknown>>) => { readonly code: string; readonly message: string } | undefined;
  /** Sees every event that was taken, before its targets do. */
  readonly onEvent?: (event: BusEvent, eventBusName: string) => void;
}

/** Buses and rules of a plan. Delivery does not hold up the answer to PutEvents. */
export class EventBus {
  readonly #busNames: ReadonlySet<string>;
  readonly #rules: readonly { readonly plan: RulePlan; readonly matches: (event: unknown) => boolean }[];
  readonly #deliver: (target: TargetPlan, event: BusEvent) => void;
  readonly #options: EventBusOptions;

  constructor(
    busNames: readonly string[],
    rules: readonly RulePlan[],
    deliver: (target: TargetPlan, event: BusEvent) => void,
    options: EventBusOptions = {},
  ) {
    this.#busNames = new Set(['default', ...busNames]);
    this.#rules = rules.filter((rule) => rule.enabled).map((plan) => ({ plan, matches: compilePattern(plan.pattern) }));
    this.#deliver = deliver;
    this.#options = options;
  }

  /** PutEvents. Throws `AwsError` when the call as a whole is refused; a bad entry fails alone. */
  putEvents(input: Readonly<Record<string, unknown>>): { FailedEntryCount: number; Entries: EntryResult[] } {
    const entries = Array.isArray(input['Entries']) ? input['Entries'] : [];
    if (entries.length === 0 || entries.length > MAXIMUM_ENTRIES) {
      throw new AwsError(
        'ValidationException',
        `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have 1 to ${MAXIMUM_ENTRIES} entries`,
      );
    }
    if (entries.reduce((sum: number, entry: unknown) => sum + entryBytes(entry), 0) > MAXIMUM_ENTRIES_BYTES) {
      throw new AwsError('ValidationException', 'Total size of the entries in the request is over the limit.');
    }
    const results = entries.map((entry: unknown) => this.#put(isRecord(entry) ? entry : {}));
    return { FailedEntryCount: results.filter((result) => result.ErrorCode !== undefined).length, Entries: results };
  }

  #put(entry: Readonly<Record<string, unknown>>): EntryResult {
    const failure = this.#options.failEntry?.(entry);
    if (failure) return { ErrorCode: failure.code, ErrorMessage: failure.message };
    for (const name of ['Source', 'DetailType', 'Detail']) {
      if (typeof entry[name] !== 'string' || entry[name] === '') {
        return { ErrorCode: 'InvalidArgument', ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.` };
      }
    }
    const detail = parseDetail(String(entry['Detail']));
    if (!detail) return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
    const busName = String(entry['EventBusName'] ?? 'default').replace(/^arn:.*:event-bus\//, '');
    if (!this.#busNames.has(busName)) {
      return { ErrorCode: 'ResourceNotFoundException', ErrorMessage: `Event bus ${busName} does not exist.` };
    }
    const event: BusEvent = {
      version: '0',
      id: randomUUID(),
      'detail-type': String(entry['DetailType']),
      source: String(entry['Source']),
      account: ACCOUNT,
      time: toEventTime(entry['Time']),
      region: REGION,
      resources: Array.isArray(entry['Resources']) ? entry['Resources'].map(String) : [],
      detail,
    };
    this.#options.onEvent?.(event, busName);
    for (const { plan, matches } of this.#rules) {
      if (plan.eventBusName === busName && matches(event)) for (const target of plan.targets) this.#deliver(target, event);
    }
    return { EventId: event.id };
  }
}

/** What a target gets of an event: the event, its constant input, or the part that its path names. */
export function toTargetInput(target: TargetPlan, event: unknown): unknown {
  if (target.input !== undefined) return JSON.parse(target.input);
  if (target.inputPath === undefined || target.inputPath === '$') return event;
  return target.inputPath
    .replace(/^\$\.?/, '')
    .split('.')
    .reduce<unknown>((value, field) => (isRecord(value) ? value[field] : undefined), event);
}

function parseDetail(text: string): Record<string, unknown> | undefined {
  try {
    const detail: unknown = JSON.parse(text);
    return isRecord(detail) ? detail : undefined;
  } catch {
    // The caller answers with MalformedDetail.
    return undefined;
  }
}

/** The protocol carries times as seconds since the epoch; events carry whole seconds. */
function toEventTime(time: unknown): string {
  return new Date(typeof time === 'number' ? time * 1000 : Date.now()).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** Size of an entry as EventBridge counts it: 14 bytes for a time, and the UTF-8 length of its texts. */
function entryBytes(entry: unknown): number {
  if (!isRecord(entry)) return 0;
  const texts = [entry['Source'], entry['DetailType'], entry['Detail'], ...(Array.isArray(entry['Resources']) ? entry['Resources'] : [])];
  return texts.reduce<number>(
    (sum, text) => sum + (typeof text === 'string' ? Buffer.byteLength(text) : 0),
    entry['Time'] === undefined ? 0 : 14,
  );
}
