import { createHash } from 'node:crypto';
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  InvalidParameterException,
  InvalidRequestException,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  RotateSecretCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';

/** The label of the version that everyone reads, of the one before it, and of one that is being made. */
export const CURRENT = 'AWSCURRENT';
export const PREVIOUS = 'AWSPREVIOUS';
export const PENDING = 'AWSPENDING';

export interface SecretVersion {
  readonly versionId: string;
  readonly value: string;
  /** When it was written, epoch milliseconds. */
  readonly createdAtMs: number;
}

export interface SecretState {
  /** Labels by version. A version that is being rotated in has one before it has a value. */
  readonly stages: ReadonlyMap<string, readonly string[]>;
  /** The last change of any kind, epoch milliseconds. Absent where the service does not say. */
  readonly changedAtMs?: number;
  /** Secrets Manager rotates it on a schedule. */
  readonly isRotated: boolean;
}

/** Versions of secrets, for their one writer. A label is on one version at a time, and moving it is a compare-and-swap. */
export interface SecretVersions {
  /** The version that a label is on, or of an id. `undefined`: there is none, or it has no value. */
  read(secretId: string, which?: { readonly stage: string } | { readonly versionId: string }): Promise<SecretVersion | undefined>;
  describe(secretId: string): Promise<SecretState>;
  /**
   * Writes a value with AWSPENDING on it, under an id of the caller's. Doing it again changes nothing. `taken`: the id has another value.
   */
  putPending(secretId: string, versionId: string, value: string): Promise<'written' | 'taken'>;
  /** Writes the first value that a secret ever has, current at once. `taken`: the id has another value. */
  putFirst(secretId: string, versionId: string, value: string): Promise<'written' | 'taken'>;
  /**
   * Makes `to` the current version if `from` still is, or if there is none yet; `taken`: another one is by now. Doing it again changes
   * nothing.
   */
  promote(secretId: string, to: string, from: string | undefined): Promise<'current' | 'taken'>;
  /** Takes AWSPENDING off a version, so that a rotation can begin anew. */
  dropPending(secretId: string, versionId: string): Promise<void>;
  /** Asks Secrets Manager to begin a rotation now. */
  rotate(secretId: string): Promise<void>;
}

/**
 * The id of the one version that may follow another: who replaces a version derives it from that version's, so that two writers meet in it
 * and the second is refused. A UUID's form, as Secrets Manager gives its own. `current`: of the version to be replaced, none for the first.
 */
export function successorId(current: string | undefined): string {
  const hex = createHash('sha256')
    .update(`safedep-watch successor of ${current ?? 'nothing'}`)
    .digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

export function createSecretVersions(client: SecretsManagerClient): SecretVersions {
  async function put(secretId: string, versionId: string, value: string, stage: string): Promise<'written' | 'taken'> {
    try {
      const input = { SecretId: secretId, ClientRequestToken: versionId, SecretString: value, VersionStages: [stage] };
      await client.send(new PutSecretValueCommand(input));
      return 'written';
    } catch (error) {
      if (error instanceof ResourceExistsException) return 'taken';
      throw error;
    }
  }

  async function describe(secretId: string): Promise<SecretState> {
    const { VersionIdsToStages, LastChangedDate, RotationEnabled } = await client.send(new DescribeSecretCommand({ SecretId: secretId }));
    return {
      stages: new Map(Object.entries(VersionIdsToStages ?? {})),
      isRotated: RotationEnabled ?? false,
      ...(LastChangedDate === undefined ? {} : { changedAtMs: LastChangedDate.getTime() }),
    };
  }

  return {
    async read(secretId, which = { stage: CURRENT }) {
      const wanted = 'stage' in which ? { VersionStage: which.stage } : { VersionId: which.versionId };
      try {
        const { VersionId, SecretString, CreatedDate } = await client.send(new GetSecretValueCommand({ SecretId: secretId, ...wanted }));
        if (!VersionId || !SecretString) return undefined;
        return { versionId: VersionId, value: SecretString, createdAtMs: CreatedDate?.getTime() ?? 0 };
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    },
    describe,
    putPending: (secretId, versionId, value) => put(secretId, versionId, value, PENDING),
    putFirst: (secretId, versionId, value) => put(secretId, versionId, value, CURRENT),
    async promote(secretId, to, from) {
      if (to === from) return 'current';
      try {
        const input = { SecretId: secretId, VersionStage: CURRENT, MoveToVersionId: to };
        await client.send(new UpdateSecretVersionStageCommand(from === undefined ? input : { ...input, RemoveFromVersionId: from }));
        return 'current';
      } catch (error) {
        if (!(error instanceof InvalidParameterException || error instanceof InvalidRequestException)) throw error;
        return versionWith((await describe(secretId)).stages, CURRENT) === to ? 'current' : 'taken';
      }
    },
    async dropPending(secretId, versionId) {
      await client.send(new UpdateSecretVersionStageCommand({ SecretId: secretId, VersionStage: PENDING, RemoveFromVersionId: versionId }));
    },
    async rotate(secretId) {
      await client.send(new RotateSecretCommand({ SecretId: secretId }));
    },
  };
}

export function versionWith(stages: SecretState['stages'], stage: string): string | undefined {
  return [...stages].find(([, labels]) => labels.includes(stage))?.[0];
}
