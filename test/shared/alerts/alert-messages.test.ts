import { describe, expect, it } from 'vitest';
import { deliveryBody, parseAlertMessage } from '../../../shared/alerts/alert-messages.ts';
import { MessageError } from '../../../shared/messages/queue-messages.ts';
import { findingEvent } from './sample-events.ts';

describe('parseAlertMessage', () => {
  const event = findingEvent({}, { title: 'canary\u001b\ud800' });

  it("takes the bus's envelope", () => {
    const envelope = {
      version: '0',
      id: 'e',
      'detail-type': event.detailType,
      source: 'safedep-watch',
      account: '1',
      resources: [],
      detail: event,
    };
    expect(parseAlertMessage(JSON.stringify(envelope))).toEqual({ kind: 'event', event });
  });

  it('takes a delivery, names and all as they were', () => {
    expect(parseAlertMessage(deliveryBody('ops', event))).toEqual({ version: 1, kind: 'delivery', sink: 'ops', event });
  });

  it.each([
    '',
    'null',
    '[]',
    '{}',
    JSON.stringify({ version: 1, kind: 'delivery', sink: 'ops', event: { ...event, version: 2 } }),
    JSON.stringify({ 'detail-type': 'finding opened', source: 's', detail: { ...event, finding: { title: 'canary' } } }),
    JSON.stringify({ version: 2, kind: 'delivery', sink: 'ops', event }),
  ])('refuses %.60s and repeats nothing of it', (body) => {
    expect(() => parseAlertMessage(body)).toThrow(MessageError);
    expect(() => parseAlertMessage(body)).not.toThrow(/canary/);
  });
});
