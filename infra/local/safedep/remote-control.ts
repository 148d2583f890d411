import { text } from 'node:stream/consumers';
import * as z from 'zod/mini';
import { ECOSYSTEMS, type Ecosystem } from '../../../shared/model/ecosystem.ts';
import { FactsError, type MadeUpFacts } from './facts.ts';
import { FAULT_KINDS, type Fault } from './faults.ts';
import type { RequestHandler } from './one-port.ts';
import type { ServiceParts } from './services.ts';

/**
 * What a test or a bench steers a stand-in with that runs in a process of its own. No method of SafeDep begins like this.
 *
 * - `GET /stand-in/calls`: the call report. `DELETE`: begins it anew.
 * - `GET /stand-in/sessions`: the reported sessions, with their numbers of publications.
 * - `PUT /stand-in/answer`: `{ecosystem, name, version, facts}`.
 * - `PUT /stand-in/fault`: `{kind, forMs?, method?}`. `DELETE`: takes it back.
 */
export const REMOTE_PATH = '/stand-in/';

const answerSchema = z.object({
  ecosystem: z.enum(Object.keys(ECOSYSTEMS) as [Ecosystem, ...Ecosystem[]]),
  name: z.string(),
  version: z.string(),
  facts: z.record(z.string(), z.unknown()),
});

const faultSchema = z.object({ kind: z.enum(FAULT_KINDS), forMs: z.optional(z.number()), method: z.optional(z.string()) });

/** Answers 200 with JSON, or 400 with a sentence. Unlocked: the stand-in listens on loopback and holds nothing that is true. */
export function remoteControl({ calls, sessions, facts, faults }: ServiceParts): RequestHandler {
  const actions: Readonly<Record<string, (body: string) => unknown>> = {
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
    'PUT answer': (body) => {
      const { facts: answer, ...packageVersion } = answerSchema.parse(JSON.parse(body));
      facts.set(packageVersion, answer as MadeUpFacts);
    },
    'PUT fault': (body) => faults.set(faultSchema.parse(JSON.parse(body)) as Fault),
    'DELETE fault': () => faults.set(undefined),
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
      (body) => {
        if (action === undefined) {
          end(400, { error: `there is: ${Object.keys(actions).join(', ')}` });
          return;
        }
        try {
          end(200, action(body));
        } catch (error) {
          const known = error instanceof FactsError || error instanceof SyntaxError || error instanceof z.core.$ZodError;
          end(known ? 400 : 500, { error: error instanceof Error ? error.message : String(error) });
        }
      },
      () => request.destroy(),
    );
  };
}
