import { setTimeout as sleep } from 'node:timers/promises';
import type { DescMethodUnary, DescService } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter, createContextKey, type ServiceImpl } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import type { PackageVersion } from '../../../shared/model/package-version.ts';
import { Access, type Caller, type Plane } from './access.ts';
import { ApiKeys } from './api-keys.ts';
import { CallRecord, type CallReport } from './call-record.ts';
import { Directory } from './directory.ts';
import { FactBook, type MadeUpFacts } from './facts.ts';
import { type Fault, Faults } from './faults.ts';
import type { IdentityProvider, IdentityProviderOptions } from './identity-provider/identity-provider.ts';
import { DEFAULT_LIMITS, type Limit, Limits } from './limits.ts';
import { listenOnOnePort, type OnePort, type RequestHandler } from './one-port.ts';
import { servePage } from './page/page.ts';
import { Pages } from './paging.ts';
import { REMOTE_PATH, remoteControl } from './remote-control.ts';
import { applyChange, type Steered } from './scenario/apply-change.ts';
import { readScenario, type Scenario, ScenarioError } from './scenario/scenario.ts';
import { ScenarioRun } from './scenario/scenario-run.ts';
import type { ServedService } from './services/served-service.ts';
import { servicesOf } from './services/services.ts';
import { ThreatFeed } from './threat-feed.ts';
import { Tokens } from './tokens.ts';
import { type KeptSession, ToolSessions } from './tool-sessions.ts';
import { type Gate, type UnaryMethod, unaryEndpoint } from './unary-endpoint.ts';
import { strictValidation as checkStrictly } from './validation.ts';

export interface StandInOptions {
  /** 0, the default, for any free port. With `strictPlanes` the control plane and the community host follow on the next two. */
  readonly port?: number;
  /** Of the data plane, for each credential; 500 is SafeDep's documented one. */
  readonly limitPerSecond?: Limit;
  /** Of the control plane, for each user; 20 is SafeDep's documented one. */
  readonly controlLimitPerSecond?: Limit;
  /** Of all look-ups without a credential together; SafeDep publishes none, 500 here. */
  readonly communityLimitPerSecond?: Limit;
  /** How long an answer takes, in milliseconds; 0 by default. Production takes about 90. */
  readonly latencyMs?: number;
  /** A port for each of SafeDep's hosts, each serving what that host serves; otherwise one port serves all. */
  readonly strictPlanes?: boolean;
  /** Enforces the limits that SafeDep declares on requests; its own scanner breaks two of them. */
  readonly strictValidation?: boolean;
  /** A scenario, whose facts win over those that come with the stand-in. */
  readonly scenarioFile?: string;
  readonly apiKey?: string;
  /** Of the first tenant. */
  readonly tenantId?: string;
  /** Starts an identity provider beside it, whose sign-ins it takes. Without it there are only the tokens of `issueToken`. */
  readonly identityProvider?: IdentityProviderOptions;
}

export interface SafeDepStandIn {
  /** The data plane's address; of all three hosts without `strictPlanes`. */
  readonly url: string;
  readonly controlPlaneUrl: string;
  readonly communityUrl: string;
  /** Of the first tenant. */
  readonly apiKey: string;
  readonly tenantId: string;
  /** A JWT, good for a day. */
  readonly accessToken: string;
  /** Absent unless the options ask for one. */
  readonly identityProvider: IdentityProvider | undefined;
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

const FIRST_TENANT = 'default-team.stand-in.safedep.example';

/** How long the printed token is good, in seconds. SafeDep's typically lasts a day. */
const TOKEN_LIFETIME_SECONDS = 24 * 60 * 60;

/**
 * Starts a server on loopback that speaks SafeDep's protocol (Connect JSON and binary over HTTP/1.1 and HTTP/2, gRPC over HTTP/2) and
 * answers from made-up facts.
 *
 * @throws PortInUseError, ScenarioError: for the reader.
 */
export async function startSafeDepStandIn(options: StandInOptions = {}): Promise<SafeDepStandIn> {
  const scenario = options.scenarioFile === undefined ? undefined : readScenario(options.scenarioFile);
  const firstTenant = options.tenantId ?? FIRST_TENANT;
  const directory = new Directory();
  for (const domain of [firstTenant, ...(scenario?.tenants ?? [])]) directory.addTenant(domain);
  checkTenants(scenario, directory);

  const keys = new ApiKeys();
  const apiKey = keys.addFirst(firstTenant, options.apiKey);
  const identityProvider = options.identityProvider && (await startProvider(options.identityProvider));
  const tokens = new Tokens(identityProvider);
  const access = new Access({ keys, tokens, directory });
  const limits = new Limits({
    data: options.limitPerSecond ?? DEFAULT_LIMITS.data,
    control: options.controlLimitPerSecond ?? DEFAULT_LIMITS.control,
    community: options.communityLimitPerSecond ?? DEFAULT_LIMITS.community,
  });
  let latencyMs = options.latencyMs ?? 0;
  const steered: Steered = {
    keys,
    directory,
    facts: new FactBook(),
    faults: new Faults(),
    calls: new CallRecord(),
    sessions: new ToolSessions(),
    feed: new ThreatFeed(),
    pages: new Pages(),
    limits,
    firstTenant,
    identityProvider,
    setLatencyMs: (next) => {
      latencyMs = next;
    },
  };
  const { faults, calls } = steered;
  applyChange(steered, readScenario(new URL('made-up-facts.json', import.meta.url)));
  if (scenario) applyChange(steered, scenario);
  const run = new ScenarioRun(scenario, (step) => applyChange(steered, step));

  const services = servicesOf(steered);

  const gateOf = (plane: Plane): Gate => ({
    admit: async (method, header, message) => {
      const caller = await access.admit(plane, method.parent, header);
      limits.spend(caller, performance.now());
      faults.throwAsService(method.name);
      if (options.strictValidation) checkStrictly(message);
      caller.tenant?.spend(method.name);
      if (latencyMs > 0) await sleep(latencyMs);
      return caller;
    },
    refused: (method, error) => {
      const name = `${shortName(method.parent.typeName)}/${method.name}`;
      calls.refused({ atMs: Date.now(), method: name, code: Code[error.code], message: error.rawMessage });
    },
  });

  const control = remoteControl({ steered, run });
  const page = servePage({ steered, run });
  const handlerOf = (plane: Plane): RequestHandler => {
    const gate = gateOf(plane);
    const serve = unaryEndpoint(unaryMethods(services), gate, adapter(services, gate));
    return (request, response) => {
      const path = request.url ?? '';
      if (path.startsWith(REMOTE_PATH)) return control(request, response);
      if (path === '/' && request.method === 'GET') return page(request, response);
      const method = shortName(path);
      calls.arrived(method, request.headers.authorization ?? 'keyless', performance.now());
      run.noteCall(method);
      if (!faults.answerAsEdge(request, response, method)) return serve(request, response);
      calls.refused({ atMs: Date.now(), method, code: 'none', message: `instead of an answer: ${faults.now(method)}` });
    };
  };

  const port = options.port ?? 0;
  const planes: readonly Plane[] = options.strictPlanes ? ['data', 'control', 'community'] : ['all'];
  const ports: OnePort[] = [];
  const closeAll = async () => {
    run.close();
    calls.close();
    await Promise.all([...ports.map((one) => one.close()), identityProvider?.close()]);
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
    apiKey,
    tenantId: firstTenant,
    accessToken: tokens.issue(Date.now() / 1000 + TOKEN_LIFETIME_SECONDS),
    identityProvider,
    issueToken: (expiresAtSeconds, audience) => tokens.issue(expiresAtSeconds, audience),
    calls: () => calls.report(),
    resetCalls: () => calls.reset(),
    setAnswer: (packageVersion, answer) => steered.facts.set(packageVersion, answer),
    setFault: (fault) => faults.set(fault),
    sessions: () => steered.sessions.list(),
    close: closeAll,
  };
}

/** Loaded only where it is asked for: the library takes longer to load than all the rest. */
async function startProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const { startIdentityProvider } = await import('./identity-provider/identity-provider.ts');
  return startIdentityProvider(options);
}

/** A step must not find out in an hour that its tenant is not there. */
function checkTenants(scenario: Scenario | undefined, directory: Directory): void {
  for (const { tenant } of [scenario ?? {}, ...(scenario?.steps ?? [])] as readonly Pick<Scenario, 'tenant'>[]) {
    if (tenant?.domain === undefined || directory.tenant(tenant.domain)) continue;
    throw new ScenarioError(`the scenario changes the tenant ${tenant.domain}, which is not one of its tenants`);
  }
}

/** `InsightService` of a type's name, `InsightService/GetPackageVersionInsight` of a path. */
function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function unaryMethods(services: readonly ServedService[]): ReadonlyMap<string, UnaryMethod> {
  const methods = new Map<string, UnaryMethod>();
  for (const { service, jsonOnly, methods: served } of services) {
    for (const method of service.methods as DescMethodUnary[]) {
      const run = served[method.localName];
      if (run === undefined) continue;
      methods.set(`/${service.typeName}/${method.name}`, {
        method,
        jsonOnly,
        run: (request, caller) => run(request as never, caller) as ReturnType<UnaryMethod['run']>,
      });
    }
  }
  return methods;
}

const CALLER = createContextKey<Caller>({ host: 'community', bucket: '' });

/** Connect's own server, for what the lean one leaves out: compressed calls, gRPC-web, calls by GET, unknown paths. */
function adapter(services: readonly ServedService[], gate: Gate): RequestHandler {
  return connectNodeAdapter({
    routes: (router: ConnectRouter) => {
      for (const { service, jsonOnly, methods } of services) {
        if (jsonOnly) continue;
        const implementation = Object.entries(methods).map(([name, run]) => [
          name,
          (request: never, { values }: { readonly values: { get(key: typeof CALLER): Caller } }) => run(request, values.get(CALLER)),
        ]);
        router.service(service, Object.fromEntries(implementation) as Partial<ServiceImpl<DescService>>);
      }
    },
    interceptors: [
      (next) => async (request) => {
        if (request.stream) return next(request);
        const method = request.method as DescMethodUnary;
        try {
          request.contextValues.set(CALLER, await gate.admit(method, request.header, request.message));
          return await next(request);
        } catch (error) {
          gate.refused(method, ConnectError.from(error, Code.Internal));
          throw error;
        }
      },
    ],
  });
}
