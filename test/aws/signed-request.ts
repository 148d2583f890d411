import { createHash, createHmac } from 'node:crypto';

/**
 * AWS calls for the services that the pipeline itself never calls (CloudFormation, S3, Lambda, IAM): Signature Version 4 over fetch,
 * so that deploying into an emulator brings no further SDK into the house.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */

export const REGION = 'us-east-1';
/** What the emulator takes for the account's root. */
export const ROOT_CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' } as const;

export interface SignedRequest {
  readonly endpoint: string;
  readonly service: 'cloudformation' | 's3' | 'lambda' | 'iam' | 'logs';
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

export interface SignedResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The answer, whatever its status. Throws only where no answer came. */
export async function send(request: SignedRequest): Promise<SignedResponse> {
  const body = Buffer.from(request.body ?? '');
  const url = new URL(request.path, request.endpoint);
  const timestamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const headers: Record<string, string> = {
    ...Object.fromEntries(Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
    host: url.host,
    'x-amz-content-sha256': sha256(body),
    'x-amz-date': timestamp,
  };
  const signedHeaders = Object.keys(headers).sort();
  const canonical = [
    request.method,
    url.pathname,
    '',
    ...signedHeaders.map((name) => `${name}:${headers[name]}`),
    '',
    signedHeaders.join(';'),
    sha256(body),
  ].join('\n');
  const scope = [timestamp.slice(0, 8), REGION, request.service, 'aws4_request'];
  const key = scope.reduce<Buffer>(
    (previous, part) => createHmac('sha256', previous).update(part).digest(),
    Buffer.from(`AWS4${ROOT_CREDENTIALS.secretAccessKey}`),
  );
  const toSign = ['AWS4-HMAC-SHA256', timestamp, scope.join('/'), sha256(Buffer.from(canonical))].join('\n');
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  const { host: _host, ...sent } = headers;
  const response = await fetch(url, {
    method: request.method,
    headers: {
      ...sent,
      authorization: `AWS4-HMAC-SHA256 Credential=${ROOT_CREDENTIALS.accessKeyId}/${scope.join('/')}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`,
    },
    ...(request.method === 'GET' ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A call of one of the services with form parameters (CloudFormation, IAM). Throws with their message where it is refused. */
export async function query(
  endpoint: string,
  service: 'cloudformation' | 'iam',
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const version = { cloudformation: '2010-05-15', iam: '2010-05-08' }[service];
  const { status, text } = await send({
    endpoint,
    service,
    method: 'POST',
    path: '/',
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: new URLSearchParams({ Version: version, ...parameters }).toString(),
  });
  if (status >= 300) throw new Error(`${service} ${parameters['Action']}: ${elements(text, 'Message')[0] ?? text}`);
  return text;
}

/** The texts of the elements of this name, in order. Enough for these services' flat answers. */
export function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))].map(([, text]) => unescapeXml(text ?? ''));
}

function unescapeXml(text: string): string {
  const characters: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (whole, name: string) => characters[name] ?? whole);
}
