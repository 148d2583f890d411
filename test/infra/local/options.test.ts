import { describe, expect, test } from 'vitest';
import { parseOptions } from '../../../infra/local/options.ts';

describe('--port', () => {
  test('is a free one where none is given', () => {
    expect(parseOptions([])).toMatchObject({ port: 0 });
  });

  test('takes the highest port', () => {
    expect(parseOptions(['--port', '65535'])).toMatchObject({ port: 65_535 });
  });

  test.each(['', ' ', '65536', '1e3', '0x10', '1.5', '-1'])('refuses %j', (value) => {
    expect(() => parseOptions([`--port=${value}`])).toThrow('--port takes a number from 0 to 65535');
  });
});
