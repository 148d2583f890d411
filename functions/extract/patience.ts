import { SourceError } from '../../shared/scm/source.ts';

/** What may be readable later is waited for, until it is to be taken as unreadable for now. */
export class Patience {
  readonly #isOver: boolean;
  /** Whether something was taken as unreadable that may be readable later. */
  gaveUp = false;

  constructor(isOver: boolean) {
    this.#isOver = isOver;
  }

  /** Throws where it is worth to wait. */
  meet(reason: string, retryable: boolean): void {
    if (!retryable) return;
    if (!this.#isOver) throw new SourceError(reason, true);
    this.gaveUp = true;
  }
}
