import { toTerminalText } from '../../shared/alerts/inert-text.ts';
import { type ApiKey, type ControlPlaneClient, KEY_EXPIRY_MAX_DAYS } from '../../shared/safedep/control-plane-client.ts';
import { type CredentialStore, openCredentialStore } from './auth/credential-store.ts';
import { addresses, controlPlane } from './auth/environment.ts';
import { profileName } from './auth/profile.ts';
import { signInForTenant } from './auth/sign-in.ts';
import { callError, parseLine, print, runCommand, say, terminalWidth, UsageError, wholeNumber } from './command.ts';
import { type KeyHolder, secretKeyHolder, storedKeyHolder } from './key/key-holder.ts';
import { expiryText, keep, rotateKey } from './key/rotate-key.ts';
import { textTable } from './text-table.ts';

const EXPIRY_DEFAULT_DAYS = 90;

const USAGE = `usage: npm run cli -- key create --name N [--description T] [--expires-in-days D] [--save | --save-secret]
       npm run cli -- key list [--json]
       npm run cli -- key delete ID
       npm run cli -- key rotate [--name N] [--expires-in-days D] [--save-secret] [--yes]

The tenant's API keys, by your sign-in (npm run cli -- auth login).

create   SafeDep shows a new key once: it is the only line on standard output, everything else goes to standard error. --save keeps it
         with the sign-in instead, for auth verify and key rotate; --save-secret puts it into the secret safedep-watch/safedep-api-key
         of the deployed stack, by your own AWS credentials, from which the workers take it within five minutes. Then it is not shown.
         A key lives ${EXPIRY_DEFAULT_DAYS} days unless --expires-in-days says otherwise (${KEY_EXPIRY_MAX_DAYS} at most).
list     the keys that there are, without their secrets.
delete   ends a key at once.
rotate   makes a new key, tries it, puts it where the old one is kept (here, or with --save-secret in the stack's secret), and then deletes
         the old one, after asking; --yes does not ask. Where nobody can be asked the old one stays, and it is said how to delete it.

With all of them: --tenant T, --profile NAME; with --save-secret: --secret-prefix NAME where the stack's secrets are called otherwise.

Exit codes: 0 done, 2 SafeDep or AWS not reachable, 3 usage, configuration or a refused request, 130 interrupted`;

const OPTIONS = {
  name: { type: 'string' },
  description: { type: 'string' },
  'expires-in-days': { type: 'string' },
  save: { type: 'boolean' },
  'save-secret': { type: 'boolean' },
  'secret-prefix': { type: 'string' },
  yes: { type: 'boolean' },
  json: { type: 'boolean' },
  tenant: { type: 'string' },
  profile: { type: 'string' },
} as const;

const OPTIONS_OF: Readonly<Record<string, readonly string[]>> = {
  create: ['name', 'description', 'expires-in-days', 'save', 'save-secret', 'secret-prefix'],
  list: ['json'],
  delete: [],
  rotate: ['name', 'expires-in-days', 'save-secret', 'secret-prefix', 'yes'],
};

/** `cli key`: resolves to the exit code. */
export function run(args: string[]): Promise<number> {
  return runCommand(USAGE, args, async (signal) => {
    const { values, positionals } = parseLine({ args, allowPositionals: true, options: OPTIONS });
    const [verb = '', keyId, ...rest] = positionals;
    const allowed = OPTIONS_OF[verb];
    if (!allowed || rest.length > 0) throw new UsageError(`key takes one of ${Object.keys(OPTIONS_OF).join(', ')}.`);
    if ((keyId !== undefined) !== (verb === 'delete'))
      throw new UsageError(verb === 'delete' ? 'delete takes the id of a key.' : `${verb} takes options only.`);
    for (const name of Object.keys(values))
      if (name !== 'profile' && name !== 'tenant' && !allowed.includes(name)) throw new UsageError(`--${name} does not go with ${verb}.`);
    if (values.save && values['save-secret']) throw new UsageError('--save and --save-secret are two places: name one.');
    if (values['secret-prefix'] !== undefined && !values['save-secret']) throw new UsageError('--secret-prefix goes with --save-secret.');
    if (verb === 'create' && !values.name) throw new UsageError('create takes --name: what the key is for, 3 characters or more.');
    const expiryDays =
      values['expires-in-days'] === undefined
        ? EXPIRY_DEFAULT_DAYS
        : wholeNumber(values['expires-in-days'], 'expires-in-days', KEY_EXPIRY_MAX_DAYS);

    const store = await openCredentialStore(profileName(values.profile, process.env), process.env);
    const { accessToken, tenantId } = await signInForTenant(store, process.env, values.tenant);
    const holder = async () => {
      if (values['save-secret']) return secretKeyHolder(values['secret-prefix']);
      return verb === 'rotate' || values.save ? storedKeyHolder(store) : undefined;
    };
    const client = controlPlane(process.env, accessToken, tenantId);
    try {
      switch (verb) {
        case 'create':
          return await create(client, await holder(), tenantId, { ...values, name: values.name ?? '', expiryDays }, signal);
        case 'list':
          return await list(client, values.json ?? false, signal);
        case 'delete':
          return await remove(client, store, keyId ?? '', signal);
        default: {
          const wanted = { name: values.name ?? `safedep-watch ${new Date().toISOString().slice(0, 10)}`, expiryDays };
          const kept = (await holder()) ?? storedKeyHolder(store);
          const isConfirmed = values.yes ?? false;
          return await rotateKey({ client, holder: kept, tenantId, addresses: addresses(process.env), wanted, isConfirmed }, signal);
        }
      }
    } finally {
      client.close();
    }
  });
}

interface WantedKey {
  readonly name: string;
  readonly description?: string;
  readonly expiryDays: number;
}

async function create(
  client: ControlPlaneClient,
  holder: KeyHolder | undefined,
  tenantId: string,
  { name, description, expiryDays }: WantedKey,
  signal: AbortSignal,
): Promise<number> {
  const made = await client.createApiKey({ name, expiryDays, ...(description !== undefined && { description }) }, signal);
  if (made.kind !== 'answered') throw callError('No key was made', made);
  const { key, keyId, expiresAtMs } = made.response;
  if (holder) await keep(client, holder, made.response, tenantId);
  const where = holder ? `It is kept in ${holder.place}.` : 'SafeDep shows it this once, on the line that follows.';
  say(`API key ${toTerminalText(keyId)} of the tenant ${toTerminalText(tenantId)}${expiryText(expiresAtMs)}. ${where}`);
  if (!holder) print(key);
  return 0;
}

async function list(client: ControlPlaneClient, json: boolean, signal: AbortSignal): Promise<number> {
  const asked = await client.listApiKeys(signal);
  if (asked.kind !== 'answered') throw callError('The keys could not be listed', asked);
  if (json) {
    const keys = asked.response.map(({ expiresAtMs, ...key }) => ({ ...key, expiresAt: isoTime(expiresAtMs) }));
    print(JSON.stringify({ version: 1, keys }, null, 2));
    return 0;
  }
  if (asked.response.length === 0) {
    print('The tenant has no API key: npm run cli -- key create --name N makes one.');
    return 0;
  }
  const rows = asked.response.map((key) => [key.keyId, key.name, expiryOf(key), key.description].map(toTerminalText));
  for (const line of textTable(['id', 'name', 'expires', 'description'], rows, terminalWidth())) print(line);
  return 0;
}

function isoTime(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}

function expiryOf({ expiresAtMs }: ApiKey): string {
  if (expiresAtMs === undefined) return 'not said';
  const day = new Date(expiresAtMs).toISOString().slice(0, 10);
  return expiresAtMs <= Date.now() ? `${day} (expired)` : day;
}

async function remove(client: ControlPlaneClient, store: CredentialStore, keyId: string, signal: AbortSignal): Promise<number> {
  const deleted = await client.deleteApiKey(keyId, signal);
  if (deleted.kind !== 'answered') throw callError(`The key ${toTerminalText(keyId)} was not deleted`, deleted);
  print(`The key ${toTerminalText(keyId)} is deleted.`);
  if ((await store.read())?.apiKey?.keyId === keyId) {
    await store.update(async (profile) => {
      const { apiKey: _gone, ...rest } = profile ?? {};
      return Object.keys(rest).length > 0 ? rest : undefined;
    });
  }
  return 0;
}
