import type { BusEvent } from '../messages/bus-events.ts';
import type { WebhookSink } from '../model/settings/settings.ts';
import { isLoopbackUrl } from './sink-address.ts';

/**
 * Whether an event is worth a person's attention, whatever the sink:
 * - a finding that the policy accepts is recorded, not shown, unless it was decided otherwise before;
 * - the findings of a ref's first scan come as one summary, the event of that scan;
 * - later, a scan is news only where it is incomplete: its findings have come one by one.
 */
function isNews(event: BusEvent): boolean {
  if ('finding' in event) {
    const { decision, formerDecision = 'accept' } = event.finding;
    return !event.baseline && (decision !== 'accept' || formerDecision !== 'accept');
  }
  return event.baseline || event.detailType === 'scan incomplete';
}

export interface ChosenSinks {
  readonly wanted: readonly WebhookSink[];
  /** Sinks that would want the event, and do not get it because its answers are made up and they are not on this machine. */
  readonly spared: readonly WebhookSink[];
}

/** Which sinks an event goes to. */
export function chooseSinks(event: BusEvent, sinks: readonly WebhookSink[]): ChosenSinks {
  const interested = isNews(event) ? sinks.filter((sink) => sink.refs === 'all' || event.repository.isDefaultBranch) : [];
  return { wanted: interested.filter((sink) => mayReceive(sink, event)), spared: interested.filter((sink) => !mayReceive(sink, event)) };
}

/** Made-up answers never leave this machine. */
export function mayReceive(sink: WebhookSink, event: BusEvent): boolean {
  return event.answers !== 'stand-in' || isLoopbackUrl(sink.url);
}
