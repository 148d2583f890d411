/** Somebody who can sign in. Made up, like the rest. */
export interface IdentityUser {
  /** Subject of the tokens. */
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

/** A service's own user: who a deployed stack signs in as. */
export const ROBOT: IdentityUser = { id: 'made-up|robot', name: 'Made Up Robot', email: 'robot@stand-in.example' };

/** The person of the tenant; of several tenants where the stand-in has more. */
export const PERSON: IdentityUser = { id: 'made-up|person', name: 'Made Up', email: 'made-up@stand-in.example' };

/** Can sign in, but SafeDep knows nothing of it until it is onboarded. */
export const NEWCOMER: IdentityUser = { id: 'made-up|newcomer', name: 'Made Up Newcomer', email: 'newcomer@stand-in.example' };

export const USERS: readonly IdentityUser[] = [ROBOT, PERSON, NEWCOMER];
