import type { Caller } from './calls.ts';
import { MethodError } from './error-meaning.ts';
import type { MethodKind } from './error-table.ts';

/** Makes calls of methods that are no look-ups of package versions: what goes wrong is read as it is meant there. */
export function callerFor(methodKind: MethodKind, call: Caller): Caller {
  return (send, signal) =>
    call(async (options) => {
      try {
        return await send(options);
      } catch (error) {
        throw new MethodError(methodKind, error);
      }
    }, signal);
}
