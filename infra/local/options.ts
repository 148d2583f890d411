import { parseArgs } from 'node:util';

/** Exit codes of every command (README, "Exit codes"). */
export const EXIT = { accepted: 0, rejected: 1, incomplete: 2, usage: 3, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const SAFEDEP_CHOICES = ['auto', 'cloud', 'community', 'stand-in'] as const;
export type SafeDepChoice = (typeof SAFEDEP_CHOICES)[number];

export interface StartOptions {
  /** Repositories as given; the current folder where none is. */
  readonly paths: readonly string[];
  /** Ends after one scan of each repository. */
  readonly once: boolean;
  /** One document on stdout; implies `once`. */
  readonly json: boolean;
  readonly safedep: SafeDepChoice;
  /** Settings file; `safedep-watch.json` of the current folder is not read by itself. */
  readonly configPath?: string;
  /** Sends each ended scan to SafeDep's control tower. */
  readonly report: boolean;
  /** Port of the webhook; 0 for any free one. */
  readonly port: number;
}

/** A mistake of the person at the keyboard: said in one sentence, exit 3. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const HELP = `safedep-watch: watches git repositories for malicious and vulnerable packages

  npm start                            watch this repository, until Ctrl-C
  npm start -- ~/code/my-service       watch others: work trees or bare repositories, several may be given
  npm start -s -- --once --json PATH   one scan, one JSON document on stdout, and an exit code

Options
  --once              scan each repository once, and end
  --json              print one JSON document and nothing else on stdout (implies --once)
  --safedep SOURCE    who answers: cloud, community, stand-in, or auto (the default): cloud when SAFEDEP_API_KEY and
                      SAFEDEP_TENANT_ID are set, else SafeDep's keyless community host when it answers, else, only while
                      watching, the stand-in, whose answers are made up and marked so
  --config FILE       settings document (schema: shared/model/settings/settings.schema.json)
  --report            send each ended scan to SafeDep's control tower (needs cloud)
  --port N            port of the webhook on loopback (default: any free one)
  --help              this text

Environment
  SAFEDEP_API_KEY, SAFEDEP_TENANT_ID   credential of the data plane
  SAFEDEP_ACCESS_TOKEN                 service JWT for --report; without it the API key is used
  SAFEDEP_DATA_PLANE_URL, SAFEDEP_CONTROL_PLANE_URL, SAFEDEP_COMMUNITY_URL   other hosts (plain http:// on loopback only)
  SAFEDEP_TRANSPORT                    grpc (default), connect-json or connect

Exit codes
  0  complete, and the policy accepts it        1  something that the policy rejects (wins over 2)
  2  incomplete, or SafeDep not reachable       3  usage, configuration or internal error
  130  interrupted
`;

/** Reads the command line. Throws `UsageError`; `help` where the help was asked for. */
export function parseOptions(args: readonly string[]): StartOptions | 'help' {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    // Node's own sentence names the option; its advice on positionals is of no use here.
    const [sentence = 'The options cannot be read'] = (error as Error).message.split('. ');
    throw new UsageError(`${sentence.replace(/\.$/, '')}; see npm start -- --help.`);
  }
  const { values, positionals } = parsed;
  if (values.help) return 'help';
  const safedep = SAFEDEP_CHOICES.find((choice) => choice === values.safedep);
  if (!safedep) throw new UsageError(`--safedep takes ${SAFEDEP_CHOICES.join(', ')}, not ${JSON.stringify(values.safedep)}.`);
  const port = /^\d+$/.test(values.port) ? Number(values.port) : Number.NaN;
  if (!(port <= 65_535)) throw new UsageError(`--port takes a number from 0 to 65535, not ${JSON.stringify(values.port)}.`);
  return {
    paths: positionals.length > 0 ? positionals : ['.'],
    once: values.once || values.json,
    json: values.json,
    safedep,
    ...(values.config === undefined ? {} : { configPath: values.config }),
    report: values.report,
    port,
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      safedep: { type: 'string', default: 'auto' },
      config: { type: 'string' },
      report: { type: 'boolean', default: false },
      port: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
}
