import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { parseSigningSecrets, SinkError, signatureHeaders, toAlertBody, toWebhookId } from '../../../shared/alerts/sign-alert.ts';
import { AlertRefusedError, verifyAlert } from '../../../shared/alerts/webhook-receiver.ts';
import { findingEvent, scanEvent } from './sample-events.ts';

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

describe('signatureHeaders', () => {
  it('is what the reference verifier accepts, with the old and with the new secret', () => {
    const [fresh, old] = [newSecret(), newSecret()];
    const body = toAlertBody(findingEvent());
    const headers = signatureHeaders('a3f5:1', body, [fresh, old], Date.now());
    for (const secret of [fresh, old]) expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow('No matching signature');
  });

  it('signs id, time and body with HMAC-SHA256, for any body', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 4e12 }), (body, nowMs) => {
        const key = randomBytes(24);
        const headers = signatureHeaders('id', body, [`whsec_${key.toString('base64')}`], nowMs);
        const seconds = Math.floor(nowMs / 1000);
        expect(headers['webhook-timestamp']).toBe(String(seconds));
        expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(`id.${seconds}.${body}`).digest('base64')}`);
      }),
    );
  });
});

describe('toWebhookId', () => {
  it('keeps an id that the grammar takes and replaces another by the same one each time', () => {
    expect(toWebhookId('0a1b:3')).toBe('0a1b:3');
    for (const id of ['default#github#github.com#1#refs/heads/a.b:1', 'a\r\nx-evil: 1', 'ü', '', 'x'.repeat(10_000)]) {
      expect(toWebhookId(id)).toMatch(/^[0-9a-f]{40}$/);
      expect(toWebhookId(id)).toBe(toWebhookId(id));
      expect(toWebhookId(id)).not.toBe(toWebhookId(`${id}.`));
    }
  });
});

describe('parseSigningSecrets', () => {
  it('reads every key of every version once, the current ones first', () => {
    const [a, b, c] = [newSecret(), newSecret(), newSecret()];
    expect(parseSigningSecrets('sink', [`${a} ${b}\n`, `${b} ${c}`])).toEqual([a, b, c]);
  });

  it.each([
    '',
    '  ',
    'canary-secret-1',
    'whsec_',
    'whsec_short',
    `whsec_${'!'.repeat(40)}`,
    `${newSecret()} canary-secret-1`,
    `whsec_${randomBytes(65).toString('base64')}`,
  ])('refuses %j and does not repeat it', (value) => {
    expect(() => parseSigningSecrets('watch/sink', [value])).toThrow(SinkError);
    expect(() => parseSigningSecrets('watch/sink', [value])).toThrow(/watch\/sink/);
    expect(() => parseSigningSecrets('watch/sink', [value])).not.toThrow(/canary|short|!!!/);
  });
});

describe('verifyAlert', () => {
  const secret = newSecret();
  const send = (body: string, nowMs = Date.now()) => signatureHeaders('scan:7', body, [secret], nowMs);

  it('gives back the event that was sent, signed with any active secret', () => {
    const event = scanEvent();
    const body = toAlertBody(event);
    const alert = verifyAlert(body, send(body), [newSecret(), secret]);
    expect(alert).toMatchObject({ type: 'scan complete', timestamp: event.occurredAt, data: event });
    expect(alert.text).toMatch(/^First scan complete/);
  });

  it('refuses another secret, another body, another id, an old request and a missing header', () => {
    const body = toAlertBody(scanEvent());
    const headers = send(body);
    const refused = (rawBody: string, sent: Record<string, string | string[] | undefined>, secrets = [secret]) =>
      expect(() => verifyAlert(rawBody, sent, secrets)).toThrow(AlertRefusedError);
    refused(body, headers, [newSecret()]);
    refused(body, headers, []);
    refused(`${body} `, headers);
    refused(body, { ...headers, 'webhook-id': 'scan:8' });
    refused(body, send(body, Date.now() - 6 * 60_000));
    refused(body, { ...headers, 'webhook-signature': undefined });
    refused(body, { ...headers, 'webhook-signature': ['v1,x', 'v1,y'] });
  });

  it('refuses a signed body that is no alert', () => {
    for (const body of ['', 'no JSON', '{}', '{"type":"x","timestamp":"y","text":"z","data":{"version":2}}']) {
      expect(() => verifyAlert(body, send(body), [secret])).toThrow(/not an alert of version 1/);
    }
  });
});
