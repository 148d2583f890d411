import { type Reading, ReadingLimit } from '../reading.ts';
import { webAddressOf } from '../web-address.ts';

/** How every Cargo.lock writes cargo's own registry, however it is fetched. It names no host that a package comes from. */
const DEFAULT_SOURCE = 'registry+https://github.com/rust-lang/crates.io-index';
const SSH_ADDRESS = /^ssh:\/\/(?:[^@/]*@)?([^/?#@:\s]+)/i;

/** Each crate is compared with the hosts it has already: with many thousands of them a file would take minutes. */
const MAX_REGISTRIES = 500;

interface Registry {
  readonly host: string | undefined;
  readonly isPlainHttp: boolean;
  count: number;
  readonly example: string;
}

/** The registries that the packages of one Cargo.lock come from. */
export class Registries {
  readonly #reading: Reading;
  readonly #bySource = new Map<string, Registry>();

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** The host of the registry that a source names, `undefined` for cargo's own. Notes the package that comes from it. */
  hostOf(source: string, name: string, version: string): string | undefined {
    let registry = this.#bySource.get(source);
    if (!registry) {
      registry = { ...placeOf(source), count: 0, example: `${name}@${version}` };
      this.#bySource.set(source, registry);
      if (this.#bySource.size > MAX_REGISTRIES) throw new ReadingLimit(`more than ${MAX_REGISTRIES} registries, which no lock file has`);
    }
    registry.count++;
    if (registry.isPlainHttp) {
      this.#reading.addPoisoning('plain-http', name, version, `${name}@${version} is of a registry without TLS: ${source}`);
    }
    return registry.host;
  }

  /**
   * Warns of registries beside cargo's own, which has no host that they could be compared with. Call it once, after the last entry.
   */
  finish(): void {
    if (!this.#bySource.has(DEFAULT_SOURCE)) return;
    for (const [source, { count, example }] of this.#bySource) {
      if (source === DEFAULT_SOURCE) continue;
      const packages = count === 1 ? '1 package is' : `${count} packages are`;
      this.#reading.addWarning(`${packages} of another registry than cargo's own, ${source}, such as ${example}`);
    }
  }
}

function placeOf(source: string): Pick<Registry, 'host' | 'isPlainHttp'> {
  if (source === DEFAULT_SOURCE) return { host: undefined, isPlainHttp: false };
  const address = source.slice(source.indexOf('+') + 1);
  const web = webAddressOf(address);
  return web ?? { host: SSH_ADDRESS.exec(address)?.[1]?.toLowerCase(), isPlainHttp: false };
}
