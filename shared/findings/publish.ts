import type { EventBus } from '../aws/event-bus.ts';
import { type BusEvent, parseBusEvent } from '../messages/bus-events.ts';
import type { Scan } from '../scans/scan.ts';
import type { StoredFindingAt } from './transition.ts';

/** The intent of a scan that goes to the report queue; all others are events. */
export const REPORT_INTENT = 'report';

export interface PublishPorts {
  readonly bus: EventBus;
  sendReport(body: string): Promise<void>;
  readonly findings: { removeIntent(ref: string, id: string, transition: string): Promise<void> };
  readonly scans: { removeIntent(scan: Pick<Scan, 'ref' | 'generation'>, name: string): Promise<void> };
}

/**
 * Puts the waiting transitions of findings on the bus, each finding's in their order, and removes from each finding what the
 * bus took. What it did not take stays for the next one who meets it; the event id is the same every time.
 */
export async function publishFindings(waiting: readonly StoredFindingAt[], ports: PublishPorts): Promise<void> {
  const entries = waiting.flatMap(({ ref, stored }) =>
    Object.keys(stored.intents)
      .sort((a, b) => Number(a) - Number(b))
      .map((transition) => ({ ref, id: stored.finding.id, transition, event: toEvent(stored.intents[transition] ?? '') })),
  );
  const taken = await ports.bus.put(entries.map(({ event }) => event));
  for (const { ref, id, transition, event } of entries) {
    if (taken.has(event.eventId)) await ports.findings.removeIntent(ref, id, transition);
  }
}

/** The same for what must follow from a scan's end: its events, and its report. */
export async function publishScan(scan: Scan, ports: PublishPorts): Promise<void> {
  for (const name of Object.keys(scan.intents).sort()) {
    const body = scan.intents[name] ?? '';
    if (name === REPORT_INTENT) await ports.sendReport(body);
    else {
      const event = toEvent(body);
      if (!(await ports.bus.put([event])).has(event.eventId)) continue;
    }
    await ports.scans.removeIntent(scan, name);
  }
}

function toEvent(body: string): BusEvent {
  return parseBusEvent(JSON.parse(body));
}
