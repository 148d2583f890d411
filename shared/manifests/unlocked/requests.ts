import type { Ecosystem } from '../../model/ecosystem.ts';
import { isVersion, type Reading } from '../reading.ts';

const NOT_LOCKED = 'no lock file says which version is installed';
const FROM_REPOSITORY = 'comes from a git repository, not from a registry';
const FROM_ADDRESS = 'comes from an address of its own, not from a registry';
const OWN_CODE = 'a folder or file of our own';

/** What one manifest asks for, and nobody has resolved: only what is asked for in one exact version is a package. */
export class Requests {
  readonly #reading: Reading;
  readonly #isName: (name: string) => boolean;
  #hasWarned = false;

  constructor(reading: Reading, ecosystem: Ecosystem, isName: (name: string) => boolean) {
    this.#reading = reading.in(ecosystem);
    this.#isName = isName;
  }

  /** In one exact version. What it brings in stands nowhere. */
  addPinned(name: string, version: string, isDevelopment: boolean): void {
    if (!this.#isName(name) || !isVersion(version)) {
      this.addOpen(name, version, 'not a legal package name and version');
      return;
    }
    this.#reading.addPackage(name, version, { relationship: 'direct', isDevelopment });
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#reading.addWarning('there is no lock file: what its packages bring in is not known');
  }

  addOpen(name: string, requirement: string, reason = NOT_LOCKED): void {
    this.#reading.addUnresolved(name, requirement, reason);
  }

  addOwn(name: string, place: string): void {
    this.#reading.addLocal(name, place, OWN_CODE);
  }

  addOfRepository(name: string, address: string): void {
    this.#reading.addUnsupported(name, address, FROM_REPOSITORY);
  }

  addOfAddress(name: string, address: string): void {
    this.#reading.addUnsupported(name, address, FROM_ADDRESS);
  }
}
