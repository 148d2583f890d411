/** Names of a function's environment variables, and whether it can start without. Values are names of things, never secrets. */
export type EnvironmentSpec = Readonly<Record<string, 'required' | 'optional'>>;

export type Environment<S extends EnvironmentSpec> = {
  readonly [K in keyof S as S[K] extends 'required' ? K : never]: string;
} & { readonly [K in keyof S as S[K] extends 'optional' ? K : never]?: string };

class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}

/** Reads what a function needs, once, at its start. Throws `EnvironmentError` that names every missing variable at once. */
export function readEnvironment<S extends EnvironmentSpec>(spec: S, variables: NodeJS.ProcessEnv): Environment<S> {
  const missing = Object.keys(spec).filter((name) => spec[name] === 'required' && !variables[name]);
  if (missing.length > 0) throw new EnvironmentError(`missing environment variables: ${missing.join(', ')}`);
  const values = Object.keys(spec).flatMap((name) => (variables[name] ? [[name, variables[name]]] : []));
  return Object.fromEntries(values) as Environment<S>;
}
