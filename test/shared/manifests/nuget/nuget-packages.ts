import fc from 'fast-check';

const id = fc.oneof(
  fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}(\.[A-Z][a-z0-9]{0,6}){0,2}$/),
  fc.constantFrom('constructor', 'toString', '__proto__'),
);
const version = fc.stringMatching(/^[0-9]{1,2}\.[0-9]{1,2}\.[0-9](\.[0-9])?(-rc\.[0-9])?$/);

/** Ids with a version each; no two ids that NuGet takes for one. */
export const nugetPackages = fc.uniqueArray(fc.tuple(id, version), { selector: ([each]) => each.toLowerCase(), maxLength: 15 });

export const asListed = (packages: readonly (readonly [string, string])[]): string[] =>
  packages.map(([each, at]) => `${each}@${at}`).sort();
