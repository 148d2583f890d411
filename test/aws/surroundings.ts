import { startSntp } from '../../infra/local/engines/sntp.ts';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../infra/local/safedep/stand-in.ts';
import { type GitHubStandIn, startGitHubStandIn } from '../fakes/github/github-stand-in.ts';
import { type AlertSink, startAlertSink } from './alert-sink.ts';
import { makeWatchedRepository, type WatchedRepository } from './watched-repository.ts';

export const FULL_NAME = 'acme/service';
const REPOSITORY_ID = 4711;

/** Everything outside AWS that a push meets, on loopback. */
export interface Surroundings {
  readonly repository: WatchedRepository;
  readonly gitHub: GitHubStandIn;
  readonly safeDep: SafeDepStandIn;
  readonly sink: AlertSink;
  readonly repositoryId: number;
  /** What functions need to find the stand-ins, by logical id. */
  readonly variables: Readonly<Record<string, Readonly<Record<string, string>>>>;
  close(): Promise<void>;
}

export async function startSurroundings(): Promise<Surroundings> {
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const each of closing.reverse()) await each();
  };
  try {
    const repository = await makeWatchedRepository();
    closing.push(repository.remove);
    const gitHub = await startGitHubStandIn({
      repositories: [{ id: REPOSITORY_ID, fullName: FULL_NAME, path: repository.path, defaultBranch: 'main' }],
      token: 'github-token-of-the-test',
    });
    closing.push(gitHub.close);
    const safeDep = await startSafeDepStandIn();
    closing.push(safeDep.close);
    const sink = await startAlertSink();
    closing.push(sink.close);
    const sntp = await startSntp();
    closing.push(sntp.close);
    const asking = { SAFEDEP_DATA_PLANE_URL: safeDep.url, TIME_SERVER: sntp.address };
    return {
      repository,
      gitHub,
      safeDep,
      sink,
      repositoryId: REPOSITORY_ID,
      variables: { WorkerFunction: asking, ReportFunction: asking },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
