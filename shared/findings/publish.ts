import pLimit from 'p-limit';
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

/** Intents that are removed at once. */
const REMOVALS_AT_ONCE = 16;

/**
 * Puts the waiting transitions of findings on the bus and removes from each finding what the bus took. A finding's second
 * transition goes only after the bus has its first. What it did not take stays for the next one who meets it; the event id is the
 * same every time. A finding may come several times.
 */
export async function publishFindings(waiting: readonly StoredFindingAt[], ports: PublishPorts): Promise<void> {
  const byFinding = new Map<string, { ref: string; id: string; transition: string; event: BusEvent }[]>();
  for (const { ref, stored } of waiting) {
    const { id } = stored.finding;
    const entries = Object.entries(stored.intents).map(([transition, body]) => ({ ref, id, transition, event: toEvent(body) }));
    byFinding.set(`${ref} ${id}`, [...(byFinding.get(`${ref} ${id}`) ?? []), ...entries]);
  }
  const limit = pLimit(REMOVALS_AT_ONCE);
  let open = [...byFinding.values()].map((entries) => entries.sort((a, b) => Number(a.transition) - Number(b.transition)));
  while (open.length > 0) {
    const next = open.flatMap((entries) => entries.slice(0, 1));
    const taken = await ports.bus.put(next.map(({ event }) => event));
    const removed = next.filter(({ event }) => taken.has(event.eventId));
    await Promise.all(removed.map(({ ref, id, transition }) => limit(() => ports.findings.removeIntent(ref, id, transition))));
    open = open.filter(([first]) => first && taken.has(first.event.eventId)).map((entries) => entries.slice(1));
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
