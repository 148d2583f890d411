import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pushPayload, signedDelivery, ZERO_SHA } from '../fakes/github/push-payload.ts';
import type { StandInRepository } from '../fakes/github/repository-document.ts';

/** The sender of the webhook bench, a process of its own: what it computes must not delay the engines. Forked by `webhook.ts`. */

export const LOAD_PROCESS = fileURLToPath(import.meta.url);

export interface LoadSettings {
  readonly url: string;
  readonly secret: string;
  readonly host: string;
  readonly repositories: readonly (StandInRepository & { readonly head: string })[];
  readonly perSecond: number;
  readonly seconds: number;
  readonly burst: number;
}

export interface LoadReport {
  /** From the instant that a delivery was due to its whole answer, in the order of sending. */
  readonly answersMs: readonly number[];
  readonly statuses: Readonly<Record<string, number>>;
  /** One signed ping after the other, before the load. */
  readonly pingsMs: readonly number[];
}

const PINGS = 50;

async function load(settings: LoadSettings): Promise<LoadReport> {
  const agent = new Agent({ keepAlive: true });
  const statuses: Record<string, number> = {};
  const url = new URL('github', settings.url);

  function post(event: string, body: string): Promise<string> {
    const delivery = signedDelivery(event, body, settings.secret);
    return new Promise((resolve) => {
      const sent = request(
        url,
        { method: 'POST', agent, headers: { ...delivery.headers, 'content-length': Buffer.byteLength(body) } },
        (answer) => {
          answer.resume();
          answer.on('end', () => resolve(String(answer.statusCode)));
          answer.on('error', () => resolve('broken'));
        },
      );
      sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'broken'));
      sent.end(body);
    });
  }

  const pingsMs: number[] = [];
  for (let index = 0; index < PINGS; index += 1) {
    const startedAt = performance.now();
    await post('ping', JSON.stringify({ zen: 'Keep it logically awesome.', hook_id: 1 }));
    pingsMs.push(performance.now() - startedAt);
  }

  const steady = Array.from({ length: settings.perSecond * settings.seconds }, (_, index) => (index * 1_000) / settings.perSecond);
  const burst = Array.from({ length: settings.burst }, () => (settings.seconds * 1_000) / 2);
  const dueMs = [...steady, ...burst].sort((a, b) => a - b);
  const bodies = settings.repositories.map(({ id, fullName, defaultBranch, head }) =>
    JSON.stringify(
      pushPayload({
        host: settings.host,
        repositoryId: id,
        fullName,
        defaultBranch,
        ref: `refs/heads/${defaultBranch}`,
        before: ZERO_SHA,
        after: head,
      }),
    ),
  );
  const startedAt = performance.now();
  const answersMs = await Promise.all(
    dueMs.map(async (dueAtMs, index) => {
      await sleep(Math.max(0, dueAtMs - (performance.now() - startedAt)));
      const status = await post('push', bodies[index % bodies.length] ?? '');
      statuses[status] = (statuses[status] ?? 0) + 1;
      return performance.now() - startedAt - dueAtMs;
    }),
  );
  agent.destroy();
  return { answersMs, statuses, pingsMs };
}

if (process.send) {
  process.once('message', (settings: LoadSettings) => {
    void load(settings).then((report) => process.send?.(report, () => process.exit()));
  });
}
