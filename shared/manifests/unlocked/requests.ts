import type { Reading } from '../reading.ts';

const NOT_LOCKED = 'no lock file says which version is installed, and from where';

/**
 * What one manifest asks for and nobody has resolved: gaps, also where one exact version is asked for. Which registry it would come
 * from stands elsewhere, so a lookup might tell the name of a private package, and take another's answer for its own.
 */
export class Requests {
  readonly #reading: Reading;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  addOpen(name: string, requirement: string, reason = NOT_LOCKED): void {
    this.#reading.addUnresolved(name, requirement, reason);
  }

  addOwn(name: string, place: string): void {
    this.#reading.addLocal(name, place, 'a folder or file of our own');
  }

  addOfRepository(name: string, address: string): void {
    this.#reading.addUnsupported(name, address, 'comes from a git repository, not from a registry');
  }

  addOfAddress(name: string, address: string): void {
    this.#reading.addUnsupported(name, address, 'comes from an address of its own, not from a registry');
  }

  /** A part of the manifest that could not be read, or that says nothing by itself. */
  addPart(part: string, reason: string): void {
    this.#reading.addUnresolved(part, '', reason);
  }

  addWarning(sentence: string): void {
    this.#reading.addWarning(sentence);
  }
}
