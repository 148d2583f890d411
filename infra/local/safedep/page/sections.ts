import type { StandInState } from './state.ts';

/** One table of what the stand-in shows, for the page and for the terminal. */
export interface Section {
  readonly title: string;
  readonly columns: readonly Column[];
  /** A cell for each column. */
  readonly rows: readonly (readonly string[])[];
  /** Said where there are no rows. */
  readonly empty: string;
}

interface Column {
  readonly name: string;
  /** `number` is set to the right, `text` may take several lines. */
  readonly kind: 'word' | 'number' | 'text';
}

const word = (name: string): Column => ({ name, kind: 'word' });
const number = (name: string): Column => ({ name, kind: 'number' });
const text = (name: string): Column => ({ name, kind: 'text' });

/** The line above all sections. */
export function summary({ upMs, calls, maxInAnySecond, fault }: StandInState): string {
  const total = calls.reduce((sum, call) => sum + call.total, 0);
  const broken = fault === undefined ? '' : ` Fault now: ${fault.kind}${fault.method === undefined ? '' : ` of ${fault.method}`}.`;
  return `Up for ${duration(upMs)}; ${total} calls, at most ${maxInAnySecond} of one credential in any second.${broken}`;
}

/** What was asked and how things stand, in the order of interest. */
export function sections({ calls, errors, sessions, tenants, keys, identity, scenario }: StandInState): readonly Section[] {
  return [
    {
      title: 'Calls',
      columns: [word('method'), number('total'), number('per second')],
      rows: calls.map(({ method, total, perSecond }) => [method, String(total), perSecond.toFixed(1)]),
      empty: 'Nothing was asked yet.',
    },
    {
      title: 'Last errors sent',
      columns: [word('at'), word('method'), word('code'), text('text')],
      rows: errors.map(({ atMs, method, code, message }) => [time(atMs), method, code, message]),
      empty: 'None.',
    },
    {
      title: 'Report sessions',
      columns: [word('project'), word('version'), word('status'), number('packages'), number('violations'), number('repeats'), word('id')],
      rows: sessions.map((session) => [
        session.project,
        session.version,
        session.status,
        String(session.packages),
        String(session.violations),
        String(session.repeats),
        session.id,
      ]),
      empty: 'Nothing was reported yet.',
    },
    {
      title: 'Tenants',
      columns: [word('domain'), text('features')],
      rows: tenants.map(({ domain, features }) => [domain, features.join(', ')]),
      empty: 'None.',
    },
    {
      title: 'API keys',
      columns: [word('name'), word('id'), word('tenant'), word('expires')],
      rows: keys.map(({ name, keyId, tenant, expiresAtMs }) => [name, keyId, tenant, time(expiresAtMs)]),
      empty: 'None.',
    },
    ...(identity === undefined
      ? []
      : [
          {
            title: 'Sign-ins',
            columns: [word('refresh token of'), word('expires')],
            rows: identity.refreshTokens.map(({ email, expiresAtMs }) => [email, time(expiresAtMs)]),
            empty: 'Nobody is signed in.',
          },
          {
            title: 'Refreshes',
            columns: [number('asked for'), number('rotated'), number('under way'), number('at most at once'), number('reused')],
            rows: [
              [
                identity.refreshes,
                identity.rotations,
                identity.refreshesInFlight,
                identity.maxRefreshesInFlight,
                identity.reusesDetected,
              ].map(String),
            ],
            empty: '',
          },
        ]),
    {
      title: 'Scenario',
      columns: [word('when'), text('what'), word('done')],
      rows: scenario.map(({ when, what, isDone }) => [when, what, isDone ? 'yes' : '']),
      empty: 'No steps.',
    },
  ];
}

function time(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
