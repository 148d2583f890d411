import { randomInt, randomUUID } from 'node:crypto';
import { isRecord } from './intrinsics.ts';
import { AwsError } from './loopback-server.ts';
import { byArn, type GeneratedSecret, type SecretPlan } from './plan.ts';
import { RUNNABLE_TYPES } from './resource-identity.ts';

interface SecretVersion {
  readonly value: string;
  readonly createdAtMs: number;
  readonly stages: Set<string>;
}

interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly versions: Map<string, SecretVersion>;
}

/** The part of Secrets Manager that functions and rotation use, with its rules about versions and their stages. */
export class Secrets {
  readonly #secrets: Secret[] = [];

  /** `values` (by name or logical id) take the place of what the template gives or generates. */
  constructor(plans: readonly SecretPlan[], values: Readonly<Record<string, string>> = {}) {
    const given = byArn(values, plans, 'secret');
    for (const plan of plans) {
      const secret: Secret = { name: plan.name, arn: plan.arn, versions: new Map() };
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
    const secret: Secret = { name, arn, versions: new Map() };
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
    if (known && known.value !== value) {
      throw new AwsError('ResourceExistsException', `A version with the token ${versionId} and another value already exists.`);
    }
    if (!known) this.#addVersion(secret, versionId, value, stages);
    return { ARN: secret.arn, Name: secret.name, VersionId: versionId, VersionStages: [...(secret.versions.get(versionId)?.stages ?? [])] };
  }

  #get(input: Readonly<Record<string, unknown>>): unknown {
    const secret = this.#find(input);
    const stage = input['VersionStage'] === undefined ? undefined : String(input['VersionStage']);
    const versionId = input['VersionId'] === undefined ? undefined : String(input['VersionId']);
    for (const [id, version] of secret.versions) {
      const wanted = versionId === undefined ? version.stages.has(stage ?? 'AWSCURRENT') : id === versionId;
      if (!wanted || (stage !== undefined && !version.stages.has(stage))) continue;
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
    const holder = [...secret.versions].find(([, version]) => version.stages.has(stage))?.[0];
    if (holder !== undefined && holder !== to && holder !== from) {
      throw new AwsError('InvalidParameterException', `The staging label ${stage} is attached to version ${holder}; name it to move it.`);
    }
    if (from !== undefined && from !== holder) {
      throw new AwsError('InvalidParameterException', `The staging label ${stage} is not attached to version ${from}.`);
    }
    this.#move(secret, stage, to);
    return { ARN: secret.arn, Name: secret.name };
  }

  #describe(input: Readonly<Record<string, unknown>>): unknown {
    const secret = this.#find(input);
    const stages = [...secret.versions].filter(([, version]) => version.stages.size > 0);
    return {
      ARN: secret.arn,
      Name: secret.name,
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

  #addVersion(secret: Secret, versionId: string, value: string, stages: readonly string[]): void {
    secret.versions.set(versionId, { value, createdAtMs: Date.now(), stages: new Set() });
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
