import { text } from 'node:stream/consumers';
import { ConnectError } from '@connectrpc/connect';
import * as v from 'valibot';
import { ECOSYSTEMS, type Ecosystem } from '../../../shared/model/ecosystem.ts';
import { FactsError, type MadeUpFacts } from './facts.ts';
import { FAULT_KINDS, type Fault } from './faults.ts';
import { UNVERIFIED_EMAIL, UserCodeError } from './identity-provider/device-approval.ts';
import type { IdentityProvider } from './identity-provider/identity-provider.ts';
import { USERS } from './identity-provider/users.ts';
import type { RequestHandler } from './one-port.ts';
import { readState, type StateParts } from './page/state.ts';
import { applyChange } from './scenario/apply-change.ts';
import { changeSchema, durationMs } from './scenario/change.ts';

/**
 * What a test or a bench steers a stand-in with that runs in a process of its own. No method of SafeDep begins like this.
 *
 * - `GET /stand-in/state`: all that the page shows. `GET /stand-in/calls`: the call report; `DELETE` begins it anew.
 * - `GET /stand-in/sessions`: the reported sessions, with their numbers of publications.
 * - `PUT /stand-in/change`: what a step of a scenario may hold. `POST /stand-in/time`: `{skip: "30s"}`, of the scenario.
 * - `PUT /stand-in/answer`: `{ecosystem, name, version, facts}`.
 * - `PUT /stand-in/fault`: `{kind, forMs?, method?}`. `DELETE`: takes it back.
 * - `PUT /stand-in/sign-in`: `{userCode, decision: "approve" | "deny" | "unverified", email?}`, what a person does at the identity
 *   provider's page. `PUT /stand-in/approval`: `{approval: "automatic" | "by-hand"}`, for all codes to come.
 * - `GET /stand-in/identity`: what the identity provider was asked.
 */
export const REMOTE_PATH = '/stand-in/';

const answerSchema = v.object({
  ecosystem: v.picklist(Object.keys(ECOSYSTEMS) as [Ecosystem, ...Ecosystem[]]),
  name: v.string(),
  version: v.string(),
  facts: v.record(v.string(), v.unknown()),
});

const faultSchema = v.object({ kind: v.picklist(FAULT_KINDS), forMs: v.optional(v.number()), method: v.optional(v.string()) });

const signInSchema = v.object({
  userCode: v.string(),
  decision: v.picklist(['approve', 'deny', 'unverified']),
  email: v.optional(v.string()),
});

const approvalSchema = v.object({ approval: v.picklist(['automatic', 'by-hand']) });

const timeSchema = v.object({ skip: durationMs });

/** The request cannot be done as it stands: a clause for the reader. */
class RemoteError extends Error {
  override readonly name = 'RemoteError';
}

type Action = (body: string) => unknown;

/** Answers 200 with JSON, or 400 with a sentence. Unlocked: the stand-in listens on loopback and holds nothing that is true. */
export function remoteControl({ steered, run }: StateParts): RequestHandler {
  const { calls, sessions, facts, faults } = steered;
  const provider = (): IdentityProvider => {
    if (steered.identityProvider === undefined) throw new RemoteError('no identity provider runs here');
    return steered.identityProvider;
  };
  const actions: Readonly<Record<string, Action>> = {
    'GET state': () => readState({ steered, run }),
    'GET calls': () => calls.report(),
    'DELETE calls': () => calls.reset(),
    'GET sessions': () =>
      sessions.list().map(({ id, request, insights, violations, status }) => ({
        id,
        projectName: request.projectName,
        projectVersion: request.projectVersion,
        insights: insights.length,
        violations: violations.length,
        status,
      })),
    'PUT change': (body) => applyChange(steered, v.parse(changeSchema, JSON.parse(body))),
    'POST time': (body) => run.skip(v.parse(timeSchema, JSON.parse(body)).skip),
    'PUT answer': (body) => {
      const { facts: answer, ...packageVersion } = v.parse(answerSchema, JSON.parse(body));
      facts.set(packageVersion, answer as MadeUpFacts);
    },
    'PUT fault': (body) => faults.set(v.parse(faultSchema, JSON.parse(body)) as Fault),
    'DELETE fault': () => faults.set(undefined),
    'PUT sign-in': (body) => {
      const { userCode, decision, email } = v.parse(signInSchema, JSON.parse(body));
      if (decision !== 'approve') return provider().deny(userCode, decision === 'unverified' ? UNVERIFIED_EMAIL : undefined);
      const user = email === undefined ? undefined : USERS.find((each) => each.email === email);
      if (email !== undefined && user === undefined) throw new RemoteError(`there is no user ${email}`);
      return provider().approve(userCode, user);
    },
    'PUT approval': (body) => provider().setApproval(v.parse(approvalSchema, JSON.parse(body)).approval),
    'GET identity': () => provider().report(),
  };
  return (request, response) => {
    const plain = response as unknown as {
      writeHead(status: number, headers: Record<string, string>): unknown;
      end(body: string): unknown;
    };
    const end = (status: number, body: unknown) => {
      plain.writeHead(status, { 'content-type': 'application/json' });
      plain.end(`${JSON.stringify(body ?? {})}\n`);
    };
    const action = actions[`${request.method} ${(request.url ?? '').slice(REMOTE_PATH.length)}`];
    text(request).then(
      async (body) => {
        try {
          if (action === undefined) throw new RemoteError(`there is: ${Object.keys(actions).join(', ')}`);
          end(200, await action(body));
        } catch (error) {
          end(isKnown(error) ? 400 : 500, { error: error instanceof Error ? error.message : String(error) });
        }
      },
      () => request.destroy(),
    );
  };
}

function isKnown(error: unknown): boolean {
  return [RemoteError, FactsError, UserCodeError, ConnectError, SyntaxError, v.ValiError].some((kind) => error instanceof kind);
}
