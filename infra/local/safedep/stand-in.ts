import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DescMethodUnary, DescService } from '@bufbuild/protobuf';
import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import type { PackageVersion } from '../../../shared/model/package-version.ts';
import { Access, DEFAULT_LIMITS, type Limit, type Plane } from './access.ts';
import { CallRecord, type CallReport } from './call-record.ts';
import { FactBook, type MadeUpFacts } from './facts.ts';
import { type Fault, Faults } from './faults.ts';
import { listenOnOnePort, type OnePort, type RequestHandler } from './one-port.ts';
import { REMOTE_PATH, remoteControl } from './remote-control.ts';
import { type ServedService, servicesOf } from './services.ts';
import { type KeptSession, ToolSessions } from './tool-sessions.ts';
import { type Gate, type UnaryMethod, unaryEndpoint } from './unary-endpoint.ts';
import { strictValidation as checkStrictly } from './validation.ts';

export interface StandInOptions {
  /** 0, the default, for any free port. With `strictPlanes` the control plane and the community host follow on the next two. */
  readonly port?: number;
  /** Of the data plane, for each credential; 500 is SafeDep's documented one. */
  readonly limitPerSecond?: Limit;
  /** Of the control plane, for each token; 20 is SafeDep's documented one. */
  readonly controlLimitPerSecond?: Limit;
  /** Of all look-ups without a credential together; SafeDep publishes none, 500 here. */
  readonly communityLimitPerSecond?: Limit;
  /** How long an answer takes, in milliseconds; 0 by default. Production takes about 90. */
  readonly latencyMs?: number;
  /** A port for each of SafeDep's hosts, each serving what that host serves; otherwise one port serves all. */
  readonly strictPlanes?: boolean;
  /** Enforces the limits that SafeDep declares on requests; its own scanner breaks two of them. */
  readonly strictValidation?: boolean;
  /** A file of own facts, which win over those that come with the stand-in. */
  readonly factsFile?: string;
  readonly apiKey?: string;
  readonly tenantId?: string;
}

export interface SafeDepStandIn {
  /** The data plane's address; of all three hosts without `strictPlanes`. */
  readonly url: string;
  readonly controlPlaneUrl: string;
  readonly communityUrl: string;
  readonly apiKey: string;
  readonly tenantId: string;
  /** A JWT, good for a day. */
  readonly accessToken: string;
  /** A JWT that expires at the given time, epoch seconds. */
  issueToken(expiresAtSeconds: number, audience?: string): string;
  calls(): CallReport;
  resetCalls(): void;
  setAnswer(packageVersion: PackageVersion, facts: MadeUpFacts): void;
  /** One at a time; `undefined` takes it back. */
  setFault(fault: Fault | undefined): void;
  /** What was reported, oldest first. */
  sessions(): readonly KeptSession[];
  close(): Promise<void>;
}

/**
 * Starts a server on loopback that speaks SafeDep's protocol (Connect JSON and binary over HTTP/1.1 and HTTP/2, gRPC over HTTP/2) and
 * answers from made-up facts.
 *
 * @throws PortInUseError, FactsError: for the reader.
 */
export async function startSafeDepStandIn(options: StandInOptions = {}): Promise<SafeDepStandIn> {
  const facts = new FactBook().read(new URL('made-up-facts.json', import.meta.url));
  if (options.factsFile !== undefined) facts.read(options.factsFile);
  const access = new Access({
    apiKey: options.apiKey ?? `sfd_${randomBytes(20).toString('hex')}`,
    tenantId: options.tenantId ?? 'default-team.stand-in.safedep.example',
    limits: {
      data: options.limitPerSecond ?? DEFAULT_LIMITS.data,
      control: options.controlLimitPerSecond ?? DEFAULT_LIMITS.control,
      community: options.communityLimitPerSecond ?? DEFAULT_LIMITS.community,
    },
  });
  const faults = new Faults();
  const calls = new CallRecord();
  const sessions = new ToolSessions();
  const parts = { access, facts, faults, calls, sessions };

  const services = servicesOf(parts);

  const gateOf =
    (plane: Plane): Gate =>
    async (method, header, message) => {
      access.limit(access.admit(plane, method.parent.name, header), performance.now());
      faults.throwAsService(method.name);
      if (options.strictValidation) checkStrictly(message);
      if (options.latencyMs) await sleep(options.latencyMs);
    };

  const handlerOf = (plane: Plane): RequestHandler => {
    const gate = gateOf(plane);
    const serve = unaryEndpoint(unaryMethods(services), gate, adapter(services, gate));
    return (request, response) => {
      const path = request.url ?? '';
      if (path.startsWith(REMOTE_PATH)) {
        control(request, response);
        return;
      }
      const method = shortName(path);
      calls.arrived(method, request.headers.authorization ?? 'keyless', performance.now());
      if (!faults.answerAsEdge(request, response, method)) serve(request, response);
    };
  };

  const control = remoteControl(parts);
  const port = options.port ?? 0;
  const planes: readonly Plane[] = options.strictPlanes ? ['data', 'control', 'community'] : ['all'];
  const ports: OnePort[] = [];
  const closeAll = async () => {
    calls.close();
    await Promise.all(ports.map((one) => one.close()));
  };
  try {
    for (const [index, plane] of planes.entries()) ports.push(await listenOnOnePort(port === 0 ? 0 : port + index, handlerOf(plane)));
  } catch (error) {
    await closeAll();
    throw error;
  }
  const [url = '', controlPlaneUrl = url, communityUrl = url] = ports.map((one) => `http://127.0.0.1:${one.port}`);
  return {
    url,
    controlPlaneUrl,
    communityUrl,
    apiKey: access.apiKey,
    tenantId: access.tenantId,
    accessToken: access.accessToken,
    issueToken: (expiresAtSeconds, audience) => access.issueToken(expiresAtSeconds, audience),
    calls: () => calls.report(),
    resetCalls: () => calls.reset(),
    setAnswer: (packageVersion, answer) => facts.set(packageVersion, answer),
    setFault: (fault) => faults.set(fault),
    sessions: () => sessions.list(),
    close: closeAll,
  };
}

/** `InsightService` of a type's name, `InsightService/GetPackageVersionInsight` of a path. */
function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function unaryMethods(services: readonly ServedService[]): ReadonlyMap<string, UnaryMethod> {
  const methods = new Map<string, UnaryMethod>();
  for (const { service, methods: served } of services) {
    for (const method of service.methods as DescMethodUnary[]) {
      const run = served[method.localName];
      if (run === undefined) continue;
      methods.set(`/${service.typeName}/${method.name}`, {
        method,
        run: (request, requestHeader) => run(request as never, { requestHeader }) as ReturnType<UnaryMethod['run']>,
      });
    }
  }
  return methods;
}

/** Connect's own server, for what the lean one leaves out: compressed calls, gRPC-web, calls by GET, unknown paths. */
function adapter(services: readonly ServedService[], gate: Gate): RequestHandler {
  return connectNodeAdapter({
    routes: (router: ConnectRouter) => {
      for (const { service, methods } of services) router.service(service, methods as unknown as Partial<ServiceImpl<DescService>>);
    },
    interceptors: [
      (next) => async (request) => {
        if (!request.stream) await gate(request.method as DescMethodUnary, request.header, request.message);
        return next(request);
      },
    ],
  });
}
