import { sign } from '@octokit/webhooks-methods';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isHubSignature, signHub, verifyHub } from '../../../shared/scm/hub-signature.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

describe('signatures over raw bytes', () => {
  test("are GitHub's published one for its published secret and payload", () => {
    const published = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    expect(signHub("It's a Secret to Everybody", bytes('Hello, World!'))).toBe(published);
    expect(verifyHub(["It's a Secret to Everybody"], bytes('Hello, World!'), published)).toBe(true);
    expect(verifyHub(["It's a secret to Everybody"], bytes('Hello, World!'), published)).toBe(false);
  });

  test.each([
    ['text beyond ASCII', bytes('{"name":"größe 🎉"}')],
    ['line ends of Windows', bytes('{\r\n}\r\n')],
    ['a byte order mark', bytes('\uFEFF{}')],
    ['bytes that are no text', Buffer.from([0xff, 0x00, 0xfe])],
    ['nothing', Buffer.alloc(0)],
  ])('fit %s', (_, body) => {
    expect(verifyHub(['secret'], body, signHub('secret', body))).toBe(true);
  });

  test('fit no body in which any one byte differs, and no other secret', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.string(),
        (body, at, change, secret) => {
          const signature = signHub(`s${secret}`, body);
          const changed = Uint8Array.from(body);
          changed[at % body.length] = (changed[at % body.length] ?? 0) ^ change;
          expect(verifyHub([`s${secret}`], body, signature)).toBe(true);
          expect(verifyHub([`s${secret}`], changed, signature)).toBe(false);
          expect(verifyHub([`t${secret}`], body, signature)).toBe(false);
        },
      ),
    );
  });

  test("are those that GitHub's own library makes", async () => {
    const text = fc.string({ unit: 'binary', minLength: 1 });
    await fc.assert(
      fc.asyncProperty(text, text, async (secret, body) => {
        expect(verifyHub([secret], bytes(body), await sign(secret, body))).toBe(true);
      }),
    );
  });

  test('fit with any of several secrets, in any order', () => {
    const signature = signHub('previous', bytes('{}'));
    expect(verifyHub(['current', 'previous'], bytes('{}'), signature)).toBe(true);
    expect(verifyHub(['previous', 'current'], bytes('{}'), signature)).toBe(true);
    expect(verifyHub(['current'], bytes('{}'), signature)).toBe(false);
    expect(verifyHub([], bytes('{}'), signature)).toBe(false);
  });

  test('fit no empty secret', () => {
    expect(verifyHub([''], bytes('{}'), signHub('', bytes('{}')))).toBe(false);
  });
});

test('refuses every other form of a signature, and never throws', () => {
  const good = signHub('secret', bytes('{}'));
  const wrong = [
    '',
    'sha256=',
    good.slice(0, -1),
    `${good}0`,
    `${good},${good}`,
    ` ${good}`,
    good.toUpperCase(),
    good.replace('sha256', 'sha1'),
    `sha1=${'0'.repeat(40)}`,
    good.slice('sha256='.length),
    `sha256=${'g'.repeat(64)}`,
    `${good}\n`,
  ];
  for (const signature of wrong) {
    expect([signature, isHubSignature(signature), verifyHub(['secret'], bytes('{}'), signature)]).toEqual([signature, false, false]);
  }
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (signature) => !verifyHub(['secret'], bytes('{}'), signature)));
  expect(isHubSignature(undefined)).toBe(false);
});
