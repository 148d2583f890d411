import { request } from 'node:http';
import { elements, query, send } from './signed-request.ts';

/** Calls and logs of the functions that the emulator runs. */

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** Invokes and waits. Throws where the function itself failed; what a handler answers is the caller's to judge. */
export async function invoke(endpoint: string, functionName: string, payload: unknown): Promise<unknown> {
  const { status, headers, text } = await send({
    endpoint,
    service: 'lambda',
    method: 'POST',
    path: `/2015-03-31/functions/${functionName}/invocations`,
    body: JSON.stringify(payload),
  });
  if (status >= 300 || headers.get('x-amz-function-error')) throw new Error(`${functionName} failed (${status}): ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Posts to an address of AWS's own form, which resolves nowhere here: the emulator tells functions apart by the `Host` header. */
export async function postToFunctionUrl(
  port: number,
  address: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<HttpAnswer> {
  const { host, pathname } = new URL(address);
  return new Promise((done, fail) => {
    const call = request({ host: '127.0.0.1', port, path: pathname, method: 'POST', headers: { ...headers, host } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => done({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    call.on('error', fail);
    call.end(body);
  });
}

/** Every line that a log group has, oldest first. */
export async function readLog(endpoint: string, logGroupName: string): Promise<string[]> {
  const messages: string[] = [];
  let nextToken: string | undefined;
  do {
    const { status, text } = await send({
      endpoint,
      service: 'logs',
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Logs_20140328.FilterLogEvents' },
      body: JSON.stringify({ logGroupName, nextToken }),
    });
    if (status >= 300) throw new Error(`the log ${logGroupName} cannot be read (${status}): ${text}`);
    const page = JSON.parse(text) as { events: { message: string }[]; nextToken?: string };
    messages.push(...page.events.map(({ message }) => message));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return messages;
}

/** Takes a role's rights away until the answer is called. */
export async function withdrawRights(endpoint: string, roleName: string): Promise<() => Promise<void>> {
  const [policyName = ''] = elements(await query(endpoint, 'iam', { Action: 'ListRolePolicies', RoleName: roleName }), 'member');
  const policy = await query(endpoint, 'iam', { Action: 'GetRolePolicy', RoleName: roleName, PolicyName: policyName });
  const document = decodeURIComponent(elements(policy, 'PolicyDocument')[0] ?? '');
  await query(endpoint, 'iam', { Action: 'DeleteRolePolicy', RoleName: roleName, PolicyName: policyName });
  return async () => {
    await query(endpoint, 'iam', { Action: 'PutRolePolicy', RoleName: roleName, PolicyName: policyName, PolicyDocument: document });
  };
}
