import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { type BusEvent, EVENT_SOURCE } from '../messages/bus-events.ts';

/** EventBridge takes 10 entries a call and 1 MB in all; an event of ours stays below 100 KB. */
const PUT_EVENTS_MAX_ENTRIES = 10;

export interface EventBus {
  /** Puts events in order. Resolves to the ids of those that the bus took: an entry can be refused alone. */
  put(events: readonly BusEvent[]): Promise<ReadonlySet<string>>;
}

export function createEventBus(client: EventBridgeClient, eventBusName: string): EventBus {
  return {
    async put(events) {
      const taken = new Set<string>();
      for (let start = 0; start < events.length; start += PUT_EVENTS_MAX_ENTRIES) {
        const slice = events.slice(start, start + PUT_EVENTS_MAX_ENTRIES);
        const answer = await client.send(
          new PutEventsCommand({
            Entries: slice.map((event) => ({
              EventBusName: eventBusName,
              Source: EVENT_SOURCE,
              DetailType: event.detailType,
              Detail: JSON.stringify(event),
            })),
          }),
        );
        slice.forEach((event, index) => {
          if (answer.Entries?.[index]?.EventId) taken.add(event.eventId);
        });
      }
      return taken;
    },
  };
}
