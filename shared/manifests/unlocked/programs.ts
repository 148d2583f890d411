import type { ReadRequests } from './unlocked-manifest.ts';

// No expression here may match a newline where it repeats: a file of nothing else would take for ever.
const GEM = /^[ \t]*gem[ \t(]+(?:'([^'\n]+)'|"([^"\n]+)")([^\n]*)$/gm;
const GEMSPEC = /^[ \t]*(?:gemspec|eval_gemfile)\b/m;
const GEM_PLACE = /(?:\bpath:|:path\s*=>)\s*['"]([^'"\n]*)['"]/;
const GEM_REPOSITORY = /(?:\b(?:git|github|gist|bitbucket):|:(?:git|github|gist|bitbucket)\s*=>)\s*['"]([^'"\n]*)['"]/;

/** `Gemfile`: its lines that begin with `gem`. It is a program, so what else it does is not known. */
export const readGemfile: ReadRequests = ({ text }, requests) => {
  requests.addWarning('it is a program, of which only the lines that begin with "gem" were read');
  if (GEMSPEC.test(text)) requests.addPart('gemspec', 'it asks for what another program asks for, which is not read');
  for (const [, single, double, rest = ''] of text.matchAll(GEM)) {
    const name = single ?? double ?? '';
    const place = GEM_PLACE.exec(rest)?.[1];
    const repository = GEM_REPOSITORY.exec(rest)?.[1];
    if (place !== undefined) requests.addOwn(name, place);
    else if (repository !== undefined) requests.addOfRepository(name, repository);
    else requests.addOpen(name, rest.trim().replace(/^,/, '').replace(/\)$/, '').trim());
  }
  return undefined;
};

/** A manifest that is a program in its own language: only that it asks for something can be told. */
export function readProgram(name: string, asksFor: RegExp): ReadRequests {
  return ({ text }, requests) => {
    requests.addWarning('it is a program, which was not read but searched for a sign that it asks for packages');
    if (asksFor.test(text)) requests.addPart(name, 'a program that asks for packages, and no lock file says which are installed');
    return undefined;
  };
}
