import { describe, expect, it } from 'vitest';
import { webAddressOf } from '../../../shared/manifests/web-address.ts';

describe('webAddressOf', () => {
  it.each([
    ['https://Registry.Example/x', { host: 'registry.example', isPlainHttp: false }],
    ['HTTP://registry.example:8080', { host: 'registry.example:8080', isPlainHttp: true }],
    ['https://good.example:x@other.example@registry.example', { host: 'registry.example', isPlainHttp: false }],
    ['https://user:pass@registry.example/a@b', { host: 'registry.example', isPlainHttp: false }],
    ['https://$HOST/x', undefined],
    ['https://user@', undefined],
    ['registry.example/x', undefined],
    ['ftp://registry.example', undefined],
    ['https://', undefined],
  ])('reads %s', (address, expected) => {
    expect(webAddressOf(address)).toEqual(expected);
  });
});
