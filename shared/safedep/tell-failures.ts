import type { CallFailure } from './calls.ts';

/** The same client; `onFailure` is told of each call's result that is about the credential, before the caller gets it. */
export function tellCredentialFailures<C extends object>(client: C, onFailure: (failure: CallFailure) => void): C {
  const tell = (result: unknown): unknown => {
    if (isCredentialFailure(result)) onFailure(result);
    return result;
  };
  return new Proxy(client, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        const result: unknown = member.apply(target, args);
        return result instanceof Promise ? result.then(tell) : result;
      };
    },
  });
}

function isCredentialFailure(result: unknown): result is CallFailure {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'credentials';
}
