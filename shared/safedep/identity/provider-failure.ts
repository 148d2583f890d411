import { ClientError, ResponseBodyError } from 'openid-client';
import { toOneLine } from '../one-line.ts';
import { type Exchange, ExchangeError } from './exchange.ts';

/** How much of the provider's own text is shown. Ours: a sentence. */
const QUOTE_MAX_CHARACTERS = 200;

/**
 * What a request to the identity provider ended with instead of what was asked for. `reason` is one sentence without a full stop.
 *
 * - `refused`: the provider answered with an OAuth error; `error` is its code, such as `invalid_grant`, for comparing only.
 * - `unavailable`: no answer, or none that can be read. `mayHaveActed`: the provider may have done what it was asked to.
 */
export type ProviderFailure =
  | { readonly kind: 'refused'; readonly error: string; readonly description: string; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly mayHaveActed: boolean };

/** @param asked what was asked for, for the sentence: `a refresh`. @param secrets are never shown, whoever repeats them. */
export function toProviderFailure(error: unknown, exchange: Exchange, asked: string, secrets: readonly string[] = []): ProviderFailure {
  if (error instanceof ResponseBodyError) {
    const quote = (text: string) => toOneLine(without(secrets, text), QUOTE_MAX_CHARACTERS);
    const description = quote(error.error_description ?? '');
    return {
      kind: 'refused',
      error: error.error,
      description,
      reason: `the identity provider refuses ${asked} (${quote(error.error)}${description && `: ${description}`})`,
    };
  }
  const status = exchange.status();
  const mayHaveActed = exchange.isSent() && !isRefusingStatus(status);
  return { kind: 'unavailable', reason: `${asked} did not succeed: ${breakdown(error, status)}`, mayHaveActed };
}

/** A status by which a server, or an edge in front of it, says that it did not do what was asked. */
function isRefusingStatus(status: number | undefined): boolean {
  const REQUEST_TIMEOUT = 408;
  return status !== undefined && status >= 400 && status < 500 && status !== REQUEST_TIMEOUT;
}

function breakdown(error: unknown, status: number | undefined): string {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    if (cause instanceof ExchangeError) return cause.message;
  }
  if (status === 429) return 'the identity provider refuses more requests for now (HTTP 429)';
  if (status !== undefined && status !== 200) return `the identity provider answers HTTP ${status}`;
  // The library's texts name fields and never values; an error that is not its own may quote an answer.
  const known = error instanceof ClientError ? (error.cause instanceof Error ? error.cause.message : error.message) : undefined;
  return `the answer cannot be read${known ? ` (${toOneLine(known, QUOTE_MAX_CHARACTERS)})` : ''}`;
}

function without(secrets: readonly string[], text: string): string {
  return secrets.filter((secret) => secret !== '').reduce((left, secret) => left.replaceAll(secret, '[credential]'), text);
}
