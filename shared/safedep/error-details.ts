import { type DescMessage, fromBinary, type JsonValue, type MessageShape } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import type { ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema, RetryInfoSchema } from './generated/google/rpc/error_details_pb.js';

/** How often a detail may be wrapped in another. Ours: SafeDep is known to wrap twice. */
const WRAPS_MAX = 4;

const ERROR_DETAIL = 'safedep.messages.error.v1.ErrorDetail';
const QUOTA_FAILURE = 'google.rpc.QuotaFailure';

/** What the typed details of an error say. */
export interface ErrorDetails {
  /** SafeDep's own reasons in lower case without prefix, the finest first; none where nothing can be read. */
  readonly reasons: readonly string[];
  /** What the service asks to wait, in milliseconds, as it says it. */
  readonly retryDelayMs?: number;
  /** An allowance is named that was used up. */
  readonly hasQuotaFailure: boolean;
}

interface Detail {
  readonly type: string;
  readonly value: Uint8Array;
  /** The detail as JSON, which Connect may send beside it. */
  readonly debug: JsonValue | undefined;
}

/**
 * Reads the details that SafeDep sends: its own `ErrorDetail`, whose numbers are not known, so that only its JSON is read; Google's
 * `ErrorInfo`, which is derived from it for older clients; `RetryInfo`, `QuotaFailure`. What cannot be read is passed over: the code
 * then decides.
 */
export function readErrorDetails(error: ConnectError): ErrorDetails {
  const own: string[] = [];
  const derived: string[] = [];
  let retryDelayMs: number | undefined;
  let hasQuotaFailure = false;
  for (const detail of error.details) {
    if (!('type' in detail)) continue;
    const { type, value, debug } = unwrapped({ type: detail.type, value: detail.value, debug: detail.debug });
    if (type === ERROR_DETAIL) {
      const reason = textField(debug, 'reason');
      if (reason) own.push(reason);
    } else if (type === ErrorInfoSchema.typeName) {
      const info = read(ErrorInfoSchema, value);
      derived.push(...[info?.metadata['reason'], info?.reason].filter((reason) => reason !== undefined));
    } else if (type === RetryInfoSchema.typeName) {
      const delay = read(RetryInfoSchema, value)?.retryDelay;
      if (delay) retryDelayMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
    } else if (type === QUOTA_FAILURE) {
      hasQuotaFailure = true;
    }
  }
  const reasons = [...own, ...derived].map((reason) => reason.toLowerCase().replace(/^error_reason_/, ''));
  return { reasons, hasQuotaFailure, ...(retryDelayMs !== undefined && { retryDelayMs }) };
}

function unwrapped(detail: Detail): Detail {
  let { type, value, debug } = detail;
  for (let wraps = 0; wraps < WRAPS_MAX && type === AnySchema.typeName; wraps += 1) {
    const inner = read(AnySchema, value);
    if (inner === undefined) break;
    type = inner.typeUrl.slice(inner.typeUrl.lastIndexOf('/') + 1);
    value = inner.value;
    // An Any within an Any stands in the field `value` of its JSON; every other message has its fields in the Any itself.
    const wrapped = field(debug, 'value');
    if (isObject(wrapped)) debug = wrapped;
  }
  return { type, value, debug };
}

function read<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> | undefined {
  try {
    return fromBinary(schema, bytes);
  } catch {
    return undefined;
  }
}

function isObject(json: JsonValue | undefined): json is { [name: string]: JsonValue } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function field(json: JsonValue | undefined, name: string): JsonValue | undefined {
  return isObject(json) && Object.hasOwn(json, name) ? json[name] : undefined;
}

function textField(json: JsonValue | undefined, name: string): string | undefined {
  const value = field(json, name);
  return typeof value === 'string' ? value : undefined;
}
