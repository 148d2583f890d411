import { describe, expect, it } from 'vitest';
import { serviceUrl } from '../../../shared/safedep/service-url.ts';

describe('serviceUrl', () => {
  it('takes https anywhere, with a path in front of the methods', () => {
    expect(serviceUrl('https://api.safedep.example')).toEqual({
      protocol: 'https:',
      origin: 'https://api.safedep.example',
      href: 'https://api.safedep.example',
    });
    expect(serviceUrl('https://proxy.example:8443/safedep/').href).toBe('https://proxy.example:8443/safedep');
  });

  it.each(['http://127.0.0.1:9900', 'http://localhost:1', 'http://[::1]:9900', 'http://127.3.2.1'])('takes %s: this machine', (text) => {
    expect(serviceUrl(text).protocol).toBe('http:');
  });

  it.each(['http://api.safedep.example', 'http://10.0.0.1', 'http://localhost.example', 'http://127.0.0.1.example'])(
    'refuses %s: the key would travel in the clear',
    (text) => {
      expect(() => serviceUrl(text)).toThrow('use https://');
    },
  );

  it.each(['', 'api.safedep.example', 'ftp://api.safedep.example', 'https://api.example?x=1', 'https://api.example#x'])(
    'refuses %j',
    (text) => {
      expect(() => serviceUrl(text)).toThrow(/address/);
    },
  );

  it.each(['https://user:pass@api.example', 'https://user:pass@:::'])('refuses %s without repeating the password', (text) => {
    expect(() => serviceUrl(text)).toThrow(/^(?!.*pass@).*address/);
  });
});
