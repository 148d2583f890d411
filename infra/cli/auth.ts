import { type LoginOptions, login, loginService } from './auth/login.ts';
import { profileName } from './auth/profile.ts';
import { logout, status, token, whoami } from './auth/show-identity.ts';
import { verify } from './auth/verify.ts';
import { parseLine, runCommand, UsageError } from './command.ts';

const USAGE = `usage: npm run cli -- auth login [--tenant T] [--register NAME --organization O --domain D]
       npm run cli -- auth login --service [--tenant T] [--secret-prefix NAME]
       npm run cli -- auth status | whoami | verify [--tenant T]   [--json]
       npm run cli -- auth token | logout

login    shows a link and a code, and waits until you confirmed it in a browser, on this machine or another. With several tenants,
         --tenant says for which. Whom SafeDep does not know yet makes a tenant: your name, your organization's, and a domain for it.
login --service
         does the same for a robot user, who has no browser later on: SafeDep has no machine accounts. The refresh token and a first
         access token go to the deployed stack's secrets (NAME/safedep-refresh-token, NAME/safedep-service-jwt; NAME is safedep-watch),
         by your own AWS credentials; the stack keeps the sign-in alive, and nothing of it is kept here.
status   what there is on this machine and in the environment; asks nobody.
whoami   who SafeDep says you are, and your tenants.
verify   a ping to each plane with what there is: API key, sign-in.
token    the raw access token, and nothing else, for other programs; refreshed if needed. Do not keep it: it is short-lived.
logout   revokes the sign-in where the provider can, and forgets it here.

Credentials come from the environment first, both halves or none: SAFEDEP_API_KEY (or VET_API_KEY, VET_INSIGHTS_API_KEY, which win) with
SAFEDEP_TENANT_ID (or VET_CONTROL_TOWER_TENANT_ID), and SAFEDEP_ACCESS_TOKEN with the same. Then from the keychain, where one answers,
else from a file that only you can read. --profile NAME (or SAFEDEP_PROFILE) keeps several sign-ins apart; SAFEDEP_CREDENTIAL_STORE=file
asks for the file. SAFEDEP_ISSUER and SAFEDEP_CLIENT_ID name another identity provider and client; by default the client is the public
one of SafeDep's own command line tool.

Exit codes: 0 done, 2 SafeDep, its provider or AWS not reachable, 3 usage, configuration or a refused credential, 130 interrupted`;

const OPTIONS = {
  tenant: { type: 'string' },
  service: { type: 'boolean' },
  'secret-prefix': { type: 'string' },
  register: { type: 'string' },
  organization: { type: 'string' },
  domain: { type: 'string' },
  profile: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Which options go with which verb, beside `--profile`. */
const OPTIONS_OF: Readonly<Record<string, readonly string[]>> = {
  login: ['tenant', 'service', 'secret-prefix', 'register', 'organization', 'domain'],
  status: ['json'],
  whoami: ['json'],
  verify: ['json', 'tenant'],
  token: [],
  logout: [],
};

/** `cli auth`: resolves to the exit code. */
export function run(args: string[]): Promise<number> {
  return runCommand(USAGE, args, async (signal) => {
    const { values, positionals } = parseLine({ args, allowPositionals: true, options: OPTIONS });
    const [verb = '', ...rest] = positionals;
    const allowed = OPTIONS_OF[verb];
    if (!allowed || rest.length > 0) throw new UsageError(`auth takes one of ${Object.keys(OPTIONS_OF).join(', ')}.`);
    for (const name of Object.keys(values))
      if (name !== 'profile' && !allowed.includes(name)) throw new UsageError(`--${name} does not go with ${verb}.`);
    const { tenant, json = false } = values;
    const options = { profile: profileName(values.profile, process.env), json, tenant };
    switch (verb) {
      case 'login':
        return values.service
          ? loginService(loginOptions(options.profile, values), process.env, signal)
          : login(loginOptions(options.profile, values), process.env, signal);
      case 'status':
        return status(options, process.env);
      case 'whoami':
        return whoami(options, process.env, signal);
      case 'verify':
        return verify(options, process.env, signal);
      case 'token':
        return token(options, process.env);
      default:
        return logout(options, process.env, signal);
    }
  });
}

interface LoginValues {
  readonly tenant?: string;
  readonly service?: boolean;
  readonly 'secret-prefix'?: string;
  readonly register?: string;
  readonly organization?: string;
  readonly domain?: string;
}

/** Throws `UsageError`. */
function loginOptions(profile: string, values: LoginValues): LoginOptions {
  const { tenant, service = false, register: name, organization, domain, 'secret-prefix': secretPrefix } = values;
  if (secretPrefix !== undefined && !service) throw new UsageError('--secret-prefix goes with --service.');
  const parts = [name, organization, domain].filter((part) => part !== undefined);
  if (parts.length > 0 && service) throw new UsageError('A robot user is invited to a tenant; it registers none.');
  if (parts.length === 0) return { profile, tenant, service, secretPrefix };
  if (!name || !organization || !domain) throw new UsageError('--register NAME, --organization O and --domain D go together.');
  return { profile, tenant, service, register: { name, organizationName: organization, organizationDomain: domain } };
}
