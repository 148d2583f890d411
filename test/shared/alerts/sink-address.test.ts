import { describe, expect, it } from 'vitest';
import { isLoopbackUrl, whyRefusedAddress, whyRefusedUrl } from '../../../shared/alerts/sink-address.ts';

/** Spellings of places inside: by URL, so that the URL parser's readings of decimal, octal and short forms are part of the test. */
const INSIDE_HOSTS = [
  '10.0.0.1',
  '10.255.255.255',
  '172.16.0.1',
  '172.31.255.254',
  '192.168.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '169.254.170.2',
  '169.254.79.129',
  '100.64.0.1',
  '100.127.255.255',
  '0.0.0.0',
  '0',
  '0.1',
  '0x0',
  '192.0.0.1',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '167772161',
  '0xa9fea9fe',
  '2852039166',
  '0251.0376.0251.0376',
  '0xa9.0xfe.0xa9.0xfe',
  '169.254.43518',
  '10.1',
  '0xc0a80001',
  '192.168.257',
  '１０.0.0.1',
  '169。254。169。254',
  '10.0.0.1.',
  '[::]',
  '[fe80::1]',
  '[febf::1]',
  '[fc00::1]',
  '[fd12:3456::1]',
  '[fd00:ec2::254]',
  '[ff02::1]',
  '[::ffff:10.0.0.1]',
  '[::ffff:a9fe:a9fe]',
  '[0:0:0:0:0:ffff:192.168.0.1]',
  '[::ffff:0:10.0.0.1]',
  '[::10.0.0.1]',
  '[64:ff9b::10.0.0.1]',
  '[64:ff9b::a9fe:a9fe]',
  '[64:ff9b:1::1]',
  '[2001:db8::1]',
  '[2001::1]',
  '[2001:0:53aa:64c::1]',
  '[2002:a00:1::1]',
  '[2002:7f00:1::1]',
  '[3fff::1]',
  '[100::1]',
  '[fec0::1]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[5f00::1]',
  '[4000::1]',
];

const LOOPBACK_HOSTS = [
  '127.0.0.1',
  '127.1',
  '127.255.0.3',
  '0x7f000001',
  '2130706433',
  '0177.0.0.1',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  'localhost',
  'LOCALHOST',
  '[0:0::0:1]',
];

const PUBLIC_ADDRESSES = [
  '8.8.8.8',
  '1.1.1.1',
  '172.15.255.255',
  '172.32.0.1',
  '100.63.255.255',
  '192.0.1.1',
  '2606:4700::1111',
  '2a00:1450:4001::1',
  '::ffff:8.8.8.8',
  '64:ff9b::808:808',
];

const hostOf = (host: string) => new URL(`https://${host}/`).hostname.replace(/^\[|\]$/g, '');
const NONE = new Set<number>();

describe('whyRefusedAddress', () => {
  it.each(INSIDE_HOSTS)('refuses https://%s/', (host) => {
    expect(whyRefusedAddress(`https://${host}/`, hostOf(host)) ?? '').not.toBe('');
    expect(isLoopbackUrl(`https://${host}/`)).toBe(false);
  });

  it.each(LOOPBACK_HOSTS)('takes %s for this machine, and for nothing else', (host) => {
    expect(isLoopbackUrl(`http://${host}:8080/hook`)).toBe(true);
    expect(whyRefusedAddress(`http://${host}/`, '127.0.0.1')).toBeUndefined();
    expect(whyRefusedAddress(`http://${host}/`, '::1')).toBeUndefined();
    for (const other of ['8.8.8.8', '10.0.0.1', '169.254.169.254', '::', '0.0.0.0'])
      expect(whyRefusedAddress(`http://${host}/`, other)).toContain(other);
  });

  it.each(PUBLIC_ADDRESSES)('lets %s through', (address) => {
    expect(whyRefusedAddress('https://hooks.example/', address)).toBeUndefined();
  });

  it.each(['127.0.0.1', '::1', '10.0.0.1', '::ffff:127.0.0.1', 'fe80::1%eth0', 'not an address', ''])(
    'refuses a public name that resolves to %s',
    (address) => {
      expect(whyRefusedAddress('https://hooks.example/', address)).toBeDefined();
      expect(whyRefusedAddress('https://localhost.hooks.example/', address)).toBeDefined();
    },
  );
});

describe('whyRefusedUrl', () => {
  it.each([
    'http://hooks.example/',
    'ftp://hooks.example/',
    'file:///etc/passwd',
    'https://user:pw@hooks.example/',
    'https://user@127.0.0.1/',
    'nonsense',
  ])('refuses %s', (url) => expect(whyRefusedUrl(url, NONE)).toBeDefined());

  it.each(['https://hooks.example/x', 'https://hooks.example:8443/', 'http://127.0.0.1:4000/', 'http://[::1]:4000/', 'https://localhost/'])(
    'lets %s through',
    (url) => expect(whyRefusedUrl(url, NONE)).toBeUndefined(),
  );

  it("refuses the ports of the function's own environment on every spelling of this machine", () => {
    for (const host of LOOPBACK_HOSTS) {
      expect(whyRefusedUrl(`http://${host}:9001/2018-06-01/runtime/invocation/next`, new Set([9001]))).toContain('9001');
      expect(whyRefusedUrl(`http://${host}/`, new Set([80]))).toContain('80');
    }
  });
});
