import { type ControlPlaneClient, createControlPlaneClient } from '../../../shared/safedep/control-plane-client.ts';
import { type IssuerSettings, issuerSettings } from '../../../shared/safedep/identity/issuer.ts';
import { proxyFor } from '../../../shared/safedep/proxy-tunnel.ts';
import { CONTROL_PLANE_URL, DATA_PLANE_URL, serviceUrl } from '../../../shared/safedep/service-url.ts';
import { tlsTrust } from '../../../shared/safedep/tls-connection.ts';
import { parseTransportKind, type TransportKind } from '../../../shared/safedep/transport.ts';
import { CommandError, say } from '../command.ts';

/**
 * What the environment says. Each list is in order of precedence, an empty variable is none: the names of SafeDep's own scanner come
 * first, as it reads them itself.
 */
const API_KEY_NAMES = ['VET_API_KEY', 'VET_INSIGHTS_API_KEY', 'SAFEDEP_API_KEY'] as const;
const TENANT_NAMES = ['VET_CONTROL_TOWER_TENANT_ID', 'SAFEDEP_TENANT_ID'] as const;
const TOKEN_NAMES = ['SAFEDEP_ACCESS_TOKEN'] as const;

export interface EnvironmentCredential {
  readonly tenantId: string;
  readonly apiKey?: string;
  readonly accessToken?: string;
  /** The variables that it was read from: for sentences. */
  readonly names: readonly string[];
}

/**
 * The credential of the environment, which wins over what is stored; `undefined` where there is none.
 *
 * @throws CommandError for half a one: a key or token without its tenant, or a tenant alone.
 */
export function environmentCredential(variables: NodeJS.ProcessEnv): EnvironmentCredential | undefined {
  const named = (names: readonly string[]) => names.find((name) => variables[name]);
  const [keyName, tokenName, tenantName] = [named(API_KEY_NAMES), named(TOKEN_NAMES), named(TENANT_NAMES)];
  const secretName = keyName ?? tokenName;
  if (!secretName && !tenantName) return undefined;
  if (!tenantName)
    throw new CommandError(
      `${secretName} is set without its tenant: set SAFEDEP_TENANT_ID too, or unset ${secretName}. A key is good for one tenant only.`,
    );
  if (!secretName)
    throw new CommandError(
      `${tenantName} is set without a key: set SAFEDEP_API_KEY too, or unset ${tenantName} and name the tenant with --tenant.`,
    );
  return {
    tenantId: variables[tenantName] ?? '',
    ...(keyName && { apiKey: variables[keyName] ?? '' }),
    ...(tokenName && { accessToken: variables[tokenName] ?? '' }),
    names: [keyName, tokenName, tenantName].filter((name) => name !== undefined),
  };
}

export interface Addresses {
  readonly dataPlaneUrl: string;
  readonly controlPlaneUrl: string;
  readonly transport: TransportKind;
}

/** @throws CommandError for an address, a proxy, a file of authorities or a transport that cannot be used. */
export function addresses(variables: NodeJS.ProcessEnv): Addresses {
  usable(() => tlsTrust());
  return {
    dataPlaneUrl: address(variables, 'SAFEDEP_DATA_PLANE_URL', DATA_PLANE_URL),
    controlPlaneUrl: address(variables, 'SAFEDEP_CONTROL_PLANE_URL', CONTROL_PLANE_URL),
    transport: usable(() => parseTransportKind(variables['SAFEDEP_TRANSPORT'])),
  };
}

/** @throws CommandError for an issuer that cannot be used. */
export function issuerOf(variables: NodeJS.ProcessEnv): IssuerSettings {
  return usable(
    () => issuerSettings({ issuer: variables['SAFEDEP_ISSUER'], clientId: variables['SAFEDEP_CLIENT_ID'] }),
    'SAFEDEP_ISSUER: ',
  );
}

/** Who asks the control plane, with an access token; a tenant is not needed by what asks who somebody is. */
export function controlPlane(variables: NodeJS.ProcessEnv, accessToken: string, tenantId = ''): ControlPlaneClient {
  const { controlPlaneUrl, transport } = addresses(variables);
  return createControlPlaneClient({
    baseUrl: controlPlaneUrl,
    transport,
    credential: async () => ({ authorization: accessToken, tenantId }),
    onFallback: say,
  });
}

function address(variables: NodeJS.ProcessEnv, name: string, otherwise: string): string {
  const url = usable(() => serviceUrl(variables[name] || otherwise), `${name}: `);
  usable(() => proxyFor(url));
  return url.href;
}

function usable<T>(read: () => T, prefix = ''): T {
  try {
    return read();
  } catch (error) {
    throw new CommandError(`${prefix}${(error as Error).message}.`);
  }
}
