import { secretsClient, sqsClient } from '../../shared/aws/clients.ts';
import { readEnvironment } from '../../shared/aws/environment.ts';
import { log } from '../../shared/aws/log.ts';
import { createQueue } from '../../shared/aws/queue.ts';
import { createSecretReader } from '../../shared/aws/secrets.ts';
import { readGitPush } from '../../shared/scm/git/push.ts';
import { readGitHubPush } from '../../shared/scm/github/push.ts';
import { createAcceptPush, type Route } from './accept-push.ts';
import { WEBHOOK_ENVIRONMENT } from './env.ts';

const environment = readEnvironment(WEBHOOK_ENVIRONMENT, process.env);
const secrets = createSecretReader(secretsClient(), Date.now);
const pushes = createQueue(sqsClient(), environment.PUSHES_QUEUE_URL);

const routes: Record<string, Route> = { '/github': { secretId: environment.GITHUB_WEBHOOK_SECRET_ID, readPush: readGitHubPush } };
if (environment.GIT_WEBHOOK_SECRET_ID) routes['/git'] = { secretId: environment.GIT_WEBHOOK_SECRET_ID, readPush: readGitPush };

export const handler = createAcceptPush({
  tenant: environment.TENANT,
  routes,
  readSecrets: secrets.readAll,
  forgetSecrets: secrets.forget,
  send: (hint) => pushes.send([{ body: JSON.stringify(hint) }]),
  nowMs: Date.now,
  log,
});
