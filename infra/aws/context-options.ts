import { parseArgs } from 'node:util';
import { type PipelineOptions, SIGN_IN_MAX_AGE_DAYS } from './stacks/pipeline.ts';

/** What `-c NAME=VALUE` can set, of `npm run deploy` and of `npm run synth`. */
interface ContextOption {
  /** What is expected, as a person reads it. */
  readonly values: string;
  readonly default: string;
  readonly about: string;
  readonly isValid: RegExp;
}

export const CONTEXT_OPTIONS = {
  tenant: {
    values: '1 to 64 letters, digits, dots, dashes and underscores',
    default: 'default',
    about: 'the tenant under which everything is kept',
    isValid: /^[A-Za-z0-9._-]{1,64}$/,
  },
  reports: { values: 'on or off', default: 'on', about: "send ended scans to SafeDep's control tower", isValid: /^(?:on|off)$/ },
  alarmEmail: { values: 'an address', default: '', about: 'who gets the alarms by mail', isValid: /^(?:[^@\s]+@[^@\s]+)?$/ },
  rotateApiKey: { values: 'on or off', default: 'on', about: 'replace the API key every sixty days', isValid: /^(?:on|off)$/ },
  signInMaxAgeDays: {
    values: 'a whole number of days',
    default: String(SIGN_IN_MAX_AGE_DAYS),
    about: "age of the robot user's sign-in at which somebody is told",
    isValid: /^[1-9]\d{0,3}$/,
  },
  staticEgress: {
    values: 'true or false',
    default: 'false',
    about: 'call SafeDep from one address, for its allow list',
    isValid: /^(?:true|false)$/,
  },
  reservedConcurrency: {
    values: 'on or off',
    default: 'on',
    about: 'keep 100 executions for the webhook and one for rotate; off where the quota of the account does not allow it',
    isValid: /^(?:on|off)$/,
  },
} as const satisfies Record<string, ContextOption>;

export class ContextError extends Error {
  override readonly name = 'ContextError';
}

/** `tryGet` gives a value as it was written, or `undefined`. Throws `ContextError` for one that makes no sense. */
export function optionsFromContext(tryGet: (name: string) => unknown): PipelineOptions {
  const read = (name: keyof typeof CONTEXT_OPTIONS): string => {
    const option: ContextOption = CONTEXT_OPTIONS[name];
    const value = String(tryGet(name) ?? option.default);
    if (!option.isValid.test(value)) throw new ContextError(`-c ${name}=${value}: expected ${option.values}`);
    return value;
  };
  const alarmEmail = read('alarmEmail');
  return {
    tenant: read('tenant'),
    reports: read('reports') === 'on' ? 'on' : 'off',
    rotateApiKey: read('rotateApiKey') === 'on' ? 'on' : 'off',
    signInMaxAgeDays: Number(read('signInMaxAgeDays')),
    staticEgress: read('staticEgress') === 'true',
    reservedConcurrency: read('reservedConcurrency') === 'on' ? 'on' : 'off',
    ...(alarmEmail === '' ? {} : { alarmEmail }),
  };
}

/** `-c NAME=VALUE`, as often as it is given, as the CDK CLI takes it. Throws `ContextError` for anything else. */
export function readContextArguments(args: string[]): Record<string, string> {
  const context: Record<string, string> = {};
  for (const pair of contextPairs(args)) {
    const [name, ...value] = pair.split('=');
    if (name === undefined || !Object.hasOwn(CONTEXT_OPTIONS, name) || value.length === 0) {
      throw new ContextError(`-c ${pair}: expected NAME=VALUE, with one of ${Object.keys(CONTEXT_OPTIONS).join(', ')}`);
    }
    context[name] = value.join('=');
  }
  return context;
}

function contextPairs(args: string[]): readonly string[] {
  try {
    return parseArgs({ args, options: { context: { type: 'string', short: 'c', multiple: true } } }).values.context ?? [];
  } catch (error) {
    throw new ContextError(`${(error as Error).message}\nnpm run synth -- --help says what there is.`);
  }
}
