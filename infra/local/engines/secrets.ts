import { randomInt, randomUUID } from 'node:crypto';
import { isRecord } from './intrinsics.ts';
import { AwsError } from './loopback-server.ts';
import { byArn, type GeneratedSecret, type SecretPlan } from './plan.ts';
import { RUNNABLE_TYPES } from './resource-identity.ts';

interface SecretVersion {
  /** Absent where a rotation has begun and its function has not put one yet. */
  value?: string;
  readonly createdAtMs: number;
  readonly stages: Set<string>;
}

interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly versions: Map<string, SecretVersion>;
  changedAtMs: number;
}

/** The steps of a rotation, as Secrets Manager names them to the function, in its order. */
const ROTATION_STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;

/** What Secrets Manager sends to the function that rotates a secret. */
interface RotationEvent {
  readonly Step: (typeof ROTATION_STEPS)[number];
  readonly SecretId: string;
  readonly ClientRequestToken: string;
}

export interface Rotations {
  isRotated(secretArn: string): boolean;
  /** Runs the function of a secret's rotation. Rejects where the function fails. */
  invoke(secretArn: string, event: RotationEvent): Promise<void>;
}

const NO_ROTATIONS: Rotations = {
  isRotated: () => false,
  invoke: async () => undefined,
};

/** The part of Secrets Manager that functions and rotation use, with its rules about versions and their stages. */
export class Secrets {
  readonly #secrets: Secret[] = [];
  readonly #rotations: Rotations;

  /** `values` (by name or logical id) take the place of what the template gives or generates. */
  constructor(plans: readonly SecretPlan[], values: Readonly<Record<string, string>> = {}, rotations: Rotations = NO_ROTATIONS) {
    this.#rotations = rotations;
    const given = byArn(values, plans, 'secret');
    for (const plan of plans) {
      const secret: Secret = { name: plan.name, arn: plan.arn, versions: new Map(), changedAtMs: Date.now() };
      this.#secrets.push(secret);
      const value = given.get(plan.arn) ?? plan.value ?? (plan.generate ? generate(plan.generate) : undefined);
      if (value !== undefined) this.#addVersion(secret, randomUUID(), value, ['AWSCURRENT']);
    }
  }

  /** Answers one call. Throws `AwsError` for what Secrets Manager refuses and for operations that it does not have here. */
  call(operation: string, input: Readonly<Record<string, unknown>>): unknown {
    switch (operation) {
      case 'CreateSecret':
        return this.#create(input);
      case 'PutSecretValue':
        return this.#put(input);
      case 'GetSecretValue':
        return this.#get(input);
      case 'UpdateSecretVersionStage':
        return this.#updateStage(input);
      case 'DescribeSecret':
        return this.#describe(input);
      case 'RotateSecret':
        return this.#rotate(input);
      default:
        throw new AwsError('UnknownOperationException', `the local Secrets Manager has no operation ${operation}`);
    }
  }

  #create(input: Readonly<Record<string, unknown>>): unknown {
    const name = String(input['Name']);
    if (this.#secrets.some((secret) => secret.name === name)) {
      throw new AwsError('ResourceExistsException', `The operation failed because the secret ${name} already exists.`);
    }
    const arn = RUNNABLE_TYPES['AWS::SecretsManager::Secret']?.identify(name).arn ?? name;
    const secret: Secret = { name, arn, versions: new Map(), changedAtMs: Date.now() };
    this.#secrets.push(secret);
    if (typeof input['SecretString'] !== 'string') return { ARN: arn, Name: name };
    const versionId = String(input['ClientRequestToken'] ?? randomUUID());
    this.#addVersion(secret, versionId, input['SecretString'], ['AWSCURRENT']);
    return { ARN: arn, Name: name, VersionId: versionId };
  }

  #put(input: Readonly<Record<string, unknown>>): unknown {
    const secret = this.#find(input);
    const value = input['SecretString'];
    if (typeof value !== 'string') throw new AwsError('InvalidParameterException', 'You must provide SecretString.');
    const versionId = String(input['ClientRequestToken'] ?? randomUUID());
    const stages = Array.isArray(input['VersionStages']) ? input['VersionStages'].map(String) : ['AWSCURRENT'];
    const known = secret.versions.get(versionId);
    if (known?.value !== undefined && known.value !== value) {
      throw new AwsError('ResourceExistsException', `A version with the token ${versionId} and another value already exists.`);
    }
    if (known) known.value = value;
    else this.#addVersion(secret, versionId, value, stages);
    secret.changedAtMs = Date.now();
    return { ARN: secret.arn, Name: secret.name, VersionId: versionId, VersionStages: [...(secret.versions.get(versionId)?.stages ?? [])] };
  }

  #get(input: Readonly<Record<string, unknown>>): unknown {
    const secret = this.#find(input);
    const stage = input['VersionStage'] === undefined ? undefined : String(input['VersionStage']);
    const versionId = input['VersionId'] === undefined ? undefined : String(input['VersionId']);
    for (const [id, version] of secret.versions) {
      const wanted = versionId === undefined ? version.stages.has(stage ?? 'AWSCURRENT') : id === versionId;
      if (!wanted || version.value === undefined || (stage !== undefined && !version.stages.has(stage))) continue;
      return {
        ARN: secret.arn,
        Name: secret.name,
        VersionId: id,
        SecretString: version.value,
        VersionStages: [...version.stages],
        CreatedDate: version.createdAtMs / 1000,
      };
    }
    const sought = versionId === undefined ? `staging label: ${stage ?? 'AWSCURRENT'}` : `VersionId: ${versionId}`;
    throw new AwsError('ResourceNotFoundException', `Secrets Manager can't find the specified secret value for ${sought}`);
  }

  #updateStage(input: Readonly<Record<string, unknown>>): unknown {
    const secret = this.#find(input);
    const stage = String(input['VersionStage']);
    const to = input['MoveToVersionId'] === undefined ? undefined : String(input['MoveToVersionId']);
    const from = input['RemoveFromVersionId'] === undefined ? undefined : String(input['RemoveFromVersionId']);
    if (to !== undefined && !secret.versions.has(to)) {
      throw new AwsError('ResourceNotFoundException', `Secrets Manager can't find the version ${to}.`);
    }
    const holder = holderOf(secret, stage);
    if (holder !== undefined && holder !== to && holder !== from) {
      throw new AwsError('InvalidParameterException', `The staging label ${stage} is attached to version ${holder}; name it to move it.`);
    }
    if (from !== undefined && from !== holder) {
      throw new AwsError('InvalidParameterException', `The staging label ${stage} is not attached to version ${from}.`);
    }
    this.#move(secret, stage, to);
    secret.changedAtMs = Date.now();
    return { ARN: secret.arn, Name: secret.name };
  }

  /** Begins a rotation, which goes on by itself; a step that fails ends it where it is, and AWSPENDING stays. */
  #rotate(input: Readonly<Record<string, unknown>>): unknown {
    const secret = this.#find(input);
    if (!this.#rotations.isRotated(secret.arn)) {
      throw new AwsError('InvalidRequestException', 'You tried to rotate a secret that has no Lambda function for it.');
    }
    const pending = holderOf(secret, 'AWSPENDING');
    if (pending !== undefined && pending !== holderOf(secret, 'AWSCURRENT')) {
      throw new AwsError('InvalidRequestException', "A previous rotation isn't complete. That rotation will be reattempted.");
    }
    const versionId = String(input['ClientRequestToken'] ?? randomUUID());
    this.#addVersion(secret, versionId, undefined, ['AWSPENDING']);
    secret.changedAtMs = Date.now();
    void this.#runSteps(secret, versionId);
    return { ARN: secret.arn, Name: secret.name, VersionId: versionId };
  }

  async #runSteps(secret: Secret, versionId: string): Promise<void> {
    try {
      for (const Step of ROTATION_STEPS) {
        await this.#rotations.invoke(secret.arn, { Step, SecretId: secret.arn, ClientRequestToken: versionId });
      }
    } catch {
      return; // the function's log says why, and the label on the version that there is something to repair
    }
    // As AWS does it once a rotation is through.
    if (holderOf(secret, 'AWSPENDING') === versionId) this.#move(secret, 'AWSPENDING', undefined);
  }

  #describe(input: Readonly<Record<string, unknown>>): unknown {
    const secret = this.#find(input);
    const stages = [...secret.versions].filter(([, version]) => version.stages.size > 0);
    return {
      ARN: secret.arn,
      Name: secret.name,
      RotationEnabled: this.#rotations.isRotated(secret.arn),
      LastChangedDate: secret.changedAtMs / 1000,
      VersionIdsToStages: Object.fromEntries(stages.map(([id, version]) => [id, [...version.stages]])),
    };
  }

  /** By name, by ARN, or by an ARN without its random end. */
  #find(input: Readonly<Record<string, unknown>>): Secret {
    const id = String(input['SecretId']);
    const found = this.#secrets.find(({ name, arn }) => name === id || arn === id || arn.replace(/-[^-]*$/, '') === id);
    if (!found) throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    return found;
  }

  #addVersion(secret: Secret, versionId: string, value: string | undefined, stages: readonly string[]): void {
    secret.versions.set(versionId, { ...(value === undefined ? {} : { value }), createdAtMs: Date.now(), stages: new Set() });
    for (const stage of stages) this.#move(secret, stage, versionId);
  }

  /** A stage is on one version at a time; AWSPREVIOUS follows AWSCURRENT and nothing else. */
  #move(secret: Secret, stage: string, to: string | undefined): void {
    let from: string | undefined;
    for (const [id, version] of secret.versions) if (version.stages.delete(stage)) from = id;
    if (to !== undefined) secret.versions.get(to)?.stages.add(stage);
    if (stage === 'AWSCURRENT' && from !== undefined && from !== to) this.#move(secret, 'AWSPREVIOUS', from);
  }
}

function holderOf(secret: Secret, stage: string): string | undefined {
  return [...secret.versions].find(([, version]) => version.stages.has(stage))?.[0];
}

function generate(rules: GeneratedSecret): string {
  const classes = [
    rules.excludeLowercase ? '' : 'abcdefghijklmnopqrstuvwxyz',
    rules.excludeUppercase ? '' : 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    rules.excludeNumbers ? '' : '0123456789',
    rules.excludePunctuation ? '' : '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
    rules.includeSpace ? ' ' : '',
  ];
  const characters = [...classes.join('')].filter((character) => !rules.excludeCharacters.includes(character));
  const password = Array.from({ length: rules.passwordLength }, () => characters[randomInt(characters.length)]).join('');
  if (!rules.template) return password;
  const document: unknown = JSON.parse(rules.template.json);
  return JSON.stringify({ ...(isRecord(document) ? document : {}), [rules.template.key]: password });
}
