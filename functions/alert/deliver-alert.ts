import { type Delivery, deliveryBody, parseAlertMessage } from '../../shared/alerts/alert-messages.ts';
import { chooseSinks, mayReceive } from '../../shared/alerts/choose-sinks.ts';
import { waitSeconds } from '../../shared/alerts/retry-schedule.ts';
import { parseSigningSecrets, signatureHeaders, toAlertBody, toWebhookId } from '../../shared/alerts/sign-alert.ts';
import type { PostResult, WebhookClient } from '../../shared/alerts/webhook-client.ts';
import type { Log } from '../../shared/aws/log.ts';
import { errorText } from '../../shared/aws/log.ts';
import type { Queue } from '../../shared/aws/queue.ts';
import { type RecordResult, receiveCountOf, type SqsRecord } from '../../shared/aws/sqs-batch.ts';
import type { BusEvent } from '../../shared/messages/bus-events.ts';
import type { Settings, WebhookSink } from '../../shared/model/settings/settings.ts';

export interface AlertPorts {
  settings(): Promise<Settings>;
  /** Every version of a secret that is still active, the current one first. */
  readonly secrets: { readAll(secretId: string): Promise<readonly string[]>; forget(secretId: string): void };
  readonly client: WebhookClient;
  /** The queue that the records come from. */
  readonly queue: Pick<Queue, 'send'>;
  readonly log: Log;
  nowMs(): number;
  /** From [0, 1). */
  random(): number;
}

/** How an attempt ended: `again` with what to say, and with the wait that the consumer asked for. */
type Attempt =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'again'; readonly reason: string; readonly retryAfterSeconds?: number };

const USER_AGENT = 'safedep-watch';
/**
 * A sink that did not answer twice on end is not tried by this process for so long: each try may take 10 s, of which the deliveries
 * to all other sinks would wait. What comes for it meanwhile waits like a failed attempt.
 */
const SILENT_SINK_REST_MS = 60_000;
const SILENT_SINK_FAILURES = 2;

/** Standard Webhooks: 2xx is delivered, 410 means "never again", everything else is tried again; a redirect is a failure. */
function toAttempt(result: PostResult): Attempt {
  if (result.kind !== 'answered') return { kind: 'again', reason: `${result.kind}: ${result.reason}` };
  if (result.status >= 200 && result.status < 300) return { kind: 'delivered' };
  if (result.status === 410) return { kind: 'gone' };
  const { retryAfterSeconds } = result;
  return { kind: 'again', reason: `status ${result.status}`, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

/**
 * One record of the alert queue. An event is divided into one delivery for each sink that wants it; a delivery is one signed POST.
 * What fails comes again after a growing, jittered wait (`waitSeconds`), until the queue's `maxReceiveCount` gives it to the
 * dead-letter queue. A record that is no alert message throws.
 */
export function makeDeliverAlert(ports: AlertPorts): (record: SqsRecord) => Promise<RecordResult> {
  const { client, queue, log } = ports;
  /** By address: how often on end a sink did not answer, and when it did so last. */
  const silent = new Map<string, { readonly failures: number; readonly atMs: number }>();

  function isResting(url: string): boolean {
    const { failures, atMs } = silent.get(url) ?? { failures: 0, atMs: 0 };
    return failures >= SILENT_SINK_FAILURES && ports.nowMs() - atMs < SILENT_SINK_REST_MS;
  }

  async function post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<PostResult> {
    const result = await client.post(url, headers, body);
    if (result.kind === 'failed') silent.set(url, { failures: (silent.get(url)?.failures ?? 0) + 1, atMs: ports.nowMs() });
    else silent.delete(url);
    return result;
  }

  async function divide(event: BusEvent): Promise<RecordResult> {
    const { wanted, spared } = chooseSinks(event, (await ports.settings()).sinks);
    if (spared.length > 0) {
      log.warn('made-up answers go to sinks on this machine only: not sent', {
        eventId: event.eventId,
        sinks: spared.map((sink) => sink.name),
      });
    }
    await queue.send(wanted.map((sink) => ({ body: deliveryBody(sink.name, event) })));
    return 'done';
  }

  async function attempt(sink: WebhookSink, event: BusEvent): Promise<Attempt> {
    try {
      const secrets = parseSigningSecrets(sink.signingSecret, await ports.secrets.readAll(sink.signingSecret));
      const body = toAlertBody(event);
      const headers = {
        'content-type': 'application/json',
        'user-agent': USER_AGENT,
        ...signatureHeaders(toWebhookId(event.eventId), body, secrets, ports.nowMs()),
      };
      return toAttempt(await post(sink.url, headers, body));
    } catch (error) {
      // A secret that is missing or malformed may be mended: the next attempt reads it anew.
      ports.secrets.forget(sink.signingSecret);
      return { kind: 'again', reason: errorText(error) };
    }
  }

  async function deliver({ sink: sinkName, event }: Delivery, record: SqsRecord): Promise<RecordResult> {
    const receiveCount = receiveCountOf(record);
    const fields = { sink: sinkName, eventId: event.eventId, receiveCount };
    const sink = (await ports.settings()).sinks.find(({ name }) => name === sinkName);
    if (!sink) {
      log.warn('alert dropped: the settings do not name this sink any more', fields);
      return 'done';
    }
    if (!mayReceive(sink, event)) {
      log.warn('made-up answers go to sinks on this machine only: not sent', { eventId: event.eventId, sinks: [sinkName] });
      return 'done';
    }
    const outcome: Attempt = isResting(sink.url)
      ? { kind: 'again', reason: 'the sink did not answer a moment ago, and was not asked' }
      : await attempt(sink, event);
    if (outcome.kind === 'delivered') {
      log.info('alert delivered', fields);
      return 'done';
    }
    if (outcome.kind === 'gone') {
      log.warn('alert dropped: the sink answered 410 (gone) and is not tried again for this event; take it out of the settings', fields);
      return 'done';
    }
    const seconds = waitSeconds(receiveCount, ports.random(), outcome.retryAfterSeconds);
    log.warn('alert not delivered, tried again later', { ...fields, reason: outcome.reason, waitSeconds: seconds });
    return { againAfterSeconds: seconds };
  }

  return async (record) => {
    const message = parseAlertMessage(record.body);
    try {
      return message.kind === 'event' ? await divide(message.event) : await deliver(message, record);
    } catch (error) {
      // Our own outage uses up no more of the attempts than a consumer's.
      const seconds = waitSeconds(receiveCountOf(record), ports.random());
      log.error('alert not handled, tried again later', { eventId: message.event.eventId, error: errorText(error), waitSeconds: seconds });
      return { againAfterSeconds: seconds };
    }
  };
}
