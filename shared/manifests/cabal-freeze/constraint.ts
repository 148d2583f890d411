/** What a constraint of a freeze file says of a package. */
export type Constraint =
  | { readonly kind: 'pin'; readonly name: string; readonly version: string }
  /** Flags and stanzas: how it is built, not which. */
  | { readonly kind: 'options'; readonly name: string }
  | { readonly kind: 'other'; readonly name: string; readonly requirement: string; readonly reason: string };

/** `any.`, `setup.` or `PACKAGE:setup.` say whose dependency it is; then the name: parts of letters and digits, joined by hyphens. */
const SUBJECT = /^(?:any\.|setup\.|[A-Za-z0-9-]+:setup\.)?([A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)(?![A-Za-z0-9.:-])/;
const PIN = /^==\s*([0-9]+(?:\.[0-9]+)*)$/;
const OPTIONS = /^(?:[+-][A-Za-z0-9_][A-Za-z0-9_-]*|test|bench)(?:\s+(?:[+-][A-Za-z0-9_][A-Za-z0-9_-]*|test|bench))*$/;

/** Reads one constraint, between commas; white space is folded. */
export function parseConstraint(text: string): Constraint {
  const [subject, name] = SUBJECT.exec(text) ?? [];
  if (subject === undefined || name === undefined)
    return { kind: 'other', name: text, requirement: '', reason: 'not a constraint of cabal' };
  const rest = text.slice(subject.length).trim();
  const [, version] = PIN.exec(bare(rest)) ?? [];
  if (version !== undefined) return { kind: 'pin', name, version };
  if (OPTIONS.test(rest)) return { kind: 'options', name };
  if (rest === 'installed' || rest === 'source')
    return { kind: 'other', name, requirement: rest, reason: 'the version that is there, whichever it is' };
  return { kind: 'other', name, requirement: rest, reason: 'not pinned to one exact version' };
}

/** Without the brackets around the whole. */
function bare(text: string): string {
  let inner = text;
  while (inner.startsWith('(') && inner.endsWith(')')) inner = inner.slice(1, -1).trim();
  return inner;
}
