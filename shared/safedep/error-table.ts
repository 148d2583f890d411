import { Code } from '@connectrpc/connect';

/**
 * What to do about a failed call, as fine as SafeDep's documentation tells it apart.
 *
 * - `retry`: ask again later.
 * - `wait`: too many calls for now; the limiter must be told.
 * - `park`: an allowance is used up; it takes until it is filled up again, or a person who raises it.
 * - `missing-entitlement`: the tenant's plan, or its payment, does not cover this.
 * - `sign-in`: key, token, user or tenant is wrong.
 * - `fix-request`: this request is wrong.
 * - `not-analysed`: a package version that SafeDep does not know. Never benign.
 * - `not-found`: anything else that SafeDep does not know.
 * - `incompatible`: client and service do not speak the same protocol; a person must look.
 */
export const ERROR_CLASSES = [
  'retry',
  'wait',
  'park',
  'missing-entitlement',
  'sign-in',
  'fix-request',
  'not-analysed',
  'not-found',
  'incompatible',
] as const;
export type ErrorClass = (typeof ERROR_CLASSES)[number];

/**
 * What a method is about, because the same code says other things of other methods.
 *
 * - `look-up`: a package version. Only here an unknown thing is `not-analysed`.
 * - `session`: a report session.
 * - `data-plane`: whatever else the data plane serves.
 * - `control-plane`: takes a person's sign-in and no API key.
 */
export const METHOD_KINDS = ['look-up', 'session', 'data-plane', 'control-plane'] as const;
export type MethodKind = (typeof METHOD_KINDS)[number];

/** One line of the table. */
export interface ErrorEntry {
  readonly errorClass: ErrorClass;
  /** Begins the sentence for the reader; what the service wrote follows. */
  readonly says: string;
  /** What the reader can do, by our own commands; ends the sentence. */
  readonly advice?: string;
}

const VERIFY = '`npm run cli -- auth verify` says which credential is refused';
const CONSOLE = "see the plan in SafeDep's console";

const NOT_FOUND: Readonly<Record<MethodKind, ErrorEntry>> = {
  'look-up': { errorClass: 'not-analysed', says: 'SafeDep does not know this package version' },
  session: { errorClass: 'not-found', says: 'SafeDep does not know the report session' },
  'data-plane': { errorClass: 'not-found', says: 'SafeDep does not know what was asked for' },
  'control-plane': { errorClass: 'not-found', says: 'SafeDep does not know what was asked for' },
};

/** By canonical code, where nothing finer is known. A code that is not here is one that does not exist yet: `retry`. */
const BY_CODE: Readonly<Partial<Record<Code, ErrorEntry>>> = {
  [Code.Canceled]: { errorClass: 'retry', says: 'SafeDep failed (Canceled)' },
  [Code.Unknown]: { errorClass: 'retry', says: 'SafeDep failed without saying how' },
  [Code.InvalidArgument]: { errorClass: 'fix-request', says: 'SafeDep refuses the request' },
  [Code.DeadlineExceeded]: { errorClass: 'retry', says: 'SafeDep ran out of time' },
  [Code.AlreadyExists]: { errorClass: 'fix-request', says: 'SafeDep refuses the request' },
  [Code.PermissionDenied]: {
    errorClass: 'sign-in',
    says: 'SafeDep does not allow this call with this credential',
    advice: '`npm run cli -- auth whoami` shows what the user may do in which tenant',
  },
  [Code.ResourceExhausted]: { errorClass: 'wait', says: 'SafeDep refuses more calls for now' },
  [Code.FailedPrecondition]: { errorClass: 'fix-request', says: 'SafeDep refuses the request' },
  [Code.Aborted]: { errorClass: 'retry', says: 'SafeDep failed (Aborted)' },
  [Code.OutOfRange]: { errorClass: 'fix-request', says: 'SafeDep refuses the request' },
  [Code.Unimplemented]: { errorClass: 'incompatible', says: 'SafeDep does not serve this method here' },
  [Code.Internal]: { errorClass: 'retry', says: 'SafeDep failed (Internal)' },
  [Code.Unavailable]: { errorClass: 'retry', says: 'SafeDep is not available' },
  [Code.DataLoss]: { errorClass: 'incompatible', says: 'SafeDep reports lost data' },
  [Code.Unauthenticated]: { errorClass: 'sign-in', says: 'SafeDep does not accept the credential', advice: VERIFY },
};

const ENTITLEMENT: ErrorEntry = {
  errorClass: 'missing-entitlement',
  says: "the tenant's SafeDep plan does not include this",
  advice: CONSOLE,
};
const PAYMENT: ErrorEntry = {
  errorClass: 'missing-entitlement',
  says: "the tenant's SafeDep subscription is not paid",
  advice: "settle it in SafeDep's console",
};
const ALLOWANCE: ErrorEntry = { errorClass: 'park', says: "SafeDep's allowance is used up", advice: CONSOLE };
const GITHUB: ErrorEntry = {
  errorClass: 'fix-request',
  says: 'SafeDep cannot reach the repository on GitHub',
  advice: "mend the GitHub integration in SafeDep's console",
};

/** By SafeDep's own reason, in lower case and without prefix. It is finer than the code and wins; the list is open. */
const BY_REASON: Readonly<Record<string, ErrorEntry>> = {
  entitlement_not_available: ENTITLEMENT,
  feature_not_available: ENTITLEMENT,
  quota_exceeded: ALLOWANCE,
  limit_reached: ALLOWANCE,
  subscription_past_due: PAYMENT,
  payment_method_required: PAYMENT,
  payment_declined: PAYMENT,
  project_not_scannable: { errorClass: 'fix-request', says: 'SafeDep cannot scan this project' },
  github_installation_link_conflict: GITHUB,
  github_installation_not_accessible: GITHUB,
  github_installation_suspended: GITHUB,
  github_reauthorization_required: GITHUB,
  github_repository_not_accessible: GITHUB,
};

interface TextEntry extends ErrorEntry {
  readonly codes: readonly Code[];
  readonly text: RegExp;
  readonly methodKinds: readonly MethodKind[];
}

/** By the texts that SafeDep's troubleshooting page and its answers are known for; the first that fits. */
const BY_TEXT: readonly TextEntry[] = [
  {
    codes: [Code.Unknown, Code.NotFound, Code.Unauthenticated, Code.PermissionDenied],
    text: /failed to resolve tenant|tenant not found/i,
    methodKinds: METHOD_KINDS,
    errorClass: 'sign-in',
    says: 'SafeDep does not know the tenant',
    advice: '`npm run cli -- auth whoami` lists the tenants of this user; SAFEDEP_TENANT_ID, or the secret, must name one of them',
  },
  {
    codes: [Code.Unauthenticated],
    text: /api key/i,
    methodKinds: ['control-plane'],
    errorClass: 'sign-in',
    says: 'the control plane takes a sign-in, not an API key',
    advice: '`npm run cli -- auth login` signs in',
  },
  {
    codes: [Code.Unauthenticated, Code.NotFound],
    text: /no user|user not found/i,
    methodKinds: ['control-plane'],
    errorClass: 'sign-in',
    says: 'SafeDep does not know the user who signed in',
    advice: '`npm run cli -- auth login` registers a new one',
  },
  {
    codes: [Code.Unauthenticated],
    text: /no user|user not found/i,
    methodKinds: ['look-up', 'session', 'data-plane'],
    errorClass: 'sign-in',
    says: 'SafeDep knows no key and no user for the credential',
    advice: '`npm run cli -- key list` shows the keys of the tenant, `npm run cli -- key create` makes one',
  },
  {
    codes: [Code.Unauthenticated],
    text: /expired/i,
    methodKinds: METHOD_KINDS,
    errorClass: 'sign-in',
    says: 'the credential has expired',
    advice: '`npm run cli -- auth login` signs in again, `npm run cli -- key rotate` replaces a key',
  },
];

/** Reasons that only say something of repositories and projects: no look-up of a package version is refused for them. */
function isOfProjects(reason: string): boolean {
  return reason === 'project_not_scannable' || reason.startsWith('github_');
}

/**
 * What an error that the service itself sent means.
 *
 * @param reasons SafeDep's own, the finest first; those that are not known leave the decision to the code.
 */
export function errorEntry(code: Code, text: string, reasons: readonly string[], methodKind: MethodKind): ErrorEntry {
  for (const reason of reasons) {
    const entry = Object.hasOwn(BY_REASON, reason) && !(methodKind === 'look-up' && isOfProjects(reason)) ? BY_REASON[reason] : undefined;
    if (entry !== undefined) return entry;
  }
  const known = BY_TEXT.find((entry) => entry.codes.includes(code) && entry.methodKinds.includes(methodKind) && entry.text.test(text));
  if (known !== undefined) return known;
  if (code === Code.NotFound) return NOT_FOUND[methodKind];
  return BY_CODE[code] ?? { errorClass: 'retry', says: `SafeDep failed (${Code[code] ?? code})` };
}
