import { CompleteToolSessionRequest_Status as Status } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import type { ShownKey } from '../api-keys.ts';
import type { SentError } from '../call-record.ts';
import type { Fault } from '../faults.ts';
import type { IdentityReport } from '../identity-provider/identity-provider.ts';
import type { Steered } from '../scenario/apply-change.ts';
import type { ScenarioRun, StepState } from '../scenario/scenario-run.ts';

/** Sessions that are shown, the latest. Ours: what somebody reads. */
const SESSIONS_SHOWN = 30;

export interface StateParts {
  readonly steered: Steered;
  readonly run: ScenarioRun;
}

/** What the stand-in was asked, and how it stands. Holds no secret: no key, no token. */
export interface StandInState {
  /** Always: nothing that the stand-in says is true. */
  readonly madeUp: true;
  readonly upMs: number;
  readonly calls: readonly { readonly method: string; readonly total: number; readonly perSecond: number }[];
  readonly maxInAnySecond: number;
  /** Latest first. */
  readonly errors: readonly SentError[];
  readonly fault: Fault | undefined;
  /** Latest first. */
  readonly sessions: readonly {
    readonly id: string;
    readonly tenant: string;
    readonly project: string;
    readonly version: string;
    readonly status: 'open' | 'success' | 'error';
    readonly packages: number;
    readonly violations: number;
    /** Publications that arrived again. */
    readonly repeats: number;
  }[];
  readonly tenants: readonly { readonly domain: string; readonly features: readonly string[] }[];
  readonly keys: readonly ShownKey[];
  /** Absent where no identity provider runs. */
  readonly identity?: IdentityReport;
  readonly scenario: readonly StepState[];
}

export function readState({ steered, run }: StateParts): StandInState {
  const { calls, sessions, directory, keys, faults, identityProvider } = steered;
  const { byMethod, maxInAnySecond } = calls.report();
  const perSecond = calls.perSecond(performance.now());
  return {
    madeUp: true,
    upMs: run.elapsedMs,
    calls: Object.entries(byMethod).map(([method, total]) => ({ method, total, perSecond: perSecond[method] ?? 0 })),
    maxInAnySecond,
    errors: calls.lastErrors(),
    fault: faults.current(),
    sessions: sessions
      .list()
      .slice(-SESSIONS_SHOWN)
      .toReversed()
      .map(({ id, tenant, request, status, components, violated, insights, violations }) => ({
        id,
        tenant,
        project: request.projectName,
        version: request.projectVersion ?? '',
        status: status === Status.SUCCESS ? 'success' : status === Status.UNSPECIFIED ? 'open' : 'error',
        packages: components.size,
        violations: violated.size,
        repeats: insights.length - components.size + violations.length - violated.size,
      })),
    tenants: directory.tenants().map(({ domain, features }) => ({ domain, features })),
    keys: keys.shown(),
    ...(identityProvider && { identity: identityProvider.report() }),
    scenario: run.state(),
  };
}
