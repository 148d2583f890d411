import { describe, expect, it } from 'vitest';
import { CONTEXT_OPTIONS, optionsFromContext, readContextArguments } from '../../../infra/aws/context-options.ts';
import { makeApp } from '../../../infra/aws/make-app.ts';

describe('optionsFromContext', () => {
  it('has a default for everything', () => {
    expect(optionsFromContext(() => undefined)).toEqual({
      tenant: 'default',
      reports: 'on',
      rotateApiKey: 'on',
      signInMaxAgeDays: 21,
      staticEgress: false,
      reservedConcurrency: 'on',
    });
  });

  it('takes what is given, also where a document of the CDK has it as a number or a truth', () => {
    const context: Record<string, unknown> = {
      tenant: 'acme',
      reports: 'off',
      rotateApiKey: 'off',
      signInMaxAgeDays: 90,
      staticEgress: true,
      reservedConcurrency: 'off',
      alarmEmail: 'on-call@acme.example',
    };
    expect(optionsFromContext((name) => context[name])).toEqual(context);
  });

  it.each([
    ['tenant', 'a b', '1 to 64 letters, digits, dots, dashes and underscores'],
    ['reports', 'maybe', 'on or off'],
    ['alarmEmail', 'nobody', 'an address'],
    ['rotateApiKey', 'sometimes', 'on or off'],
    ['signInMaxAgeDays', 'soon', 'a whole number of days'],
    ['staticEgress', 'yes', 'true or false'],
    ['reservedConcurrency', '100', 'on or off'],
  ])('refuses %s=%s', (name, value, expected) => {
    expect(() => optionsFromContext((asked) => (asked === name ? value : undefined))).toThrow(`-c ${name}=${value}: expected ${expected}`);
  });

  it('is asked for what the CDK CLI hands over', () => {
    const before = process.env['CDK_CONTEXT_JSON'];
    process.env['CDK_CONTEXT_JSON'] = JSON.stringify({ reports: 'sometimes' });
    try {
      expect(() => makeApp({ bundles: {} as never })).toThrow('-c reports=sometimes: expected on or off');
    } finally {
      if (before === undefined) delete process.env['CDK_CONTEXT_JSON'];
      else process.env['CDK_CONTEXT_JSON'] = before;
    }
  });
});

describe('readContextArguments', () => {
  it('reads each option, in either spelling', () => {
    expect(readContextArguments(['-c', 'reports=off', '--context', 'alarmEmail=a=b@acme.example'])).toEqual({
      reports: 'off',
      alarmEmail: 'a=b@acme.example',
    });
    expect(readContextArguments([])).toEqual({});
  });

  it.each([
    [['-c', 'reprots=off'], `-c reprots=off: expected NAME=VALUE, with one of ${Object.keys(CONTEXT_OPTIONS).join(', ')}`],
    [['-c', 'constructor=1'], '-c constructor=1: expected NAME=VALUE'],
    [['-c', 'reports'], '-c reports: expected NAME=VALUE'],
    [['--nonsense'], 'npm run synth -- --help says what there is'],
    [['reports=off'], 'npm run synth -- --help says what there is'],
  ])('refuses %j', (args, sentence) => {
    expect(() => readContextArguments(args)).toThrow(sentence);
  });
});
