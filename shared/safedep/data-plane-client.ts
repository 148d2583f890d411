import type { MessageShape } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import type { PackageVersion as AnsweredPackageVersion } from '#safedep-api/safedep/messages/package/v1/package_version_pb.js';
import { type GetPackageVersionInsightResponseSchema, InsightService } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import { MalwareAnalysisService, type QueryPackageAnalysisResponseSchema } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { type PackageVersion, packageKey, whyUnsupported } from '../model/package-version.ts';
import { type Caller, type CallResult, type CredentialSource, createCaller } from './calls.ts';
import { toSafeDepEcosystem } from './ecosystem.ts';
import { whyOtherPackage } from './same-package.ts';
import { createSafeDepTransport, type TransportKind } from './transport.ts';

/** A package version that SafeDep is not asked about at all, and why. */
export interface Unsupported {
  readonly kind: 'unsupported';
  readonly reason: string;
}

export type InsightResponse = MessageShape<typeof GetPackageVersionInsightResponseSchema>;
export type MalwareResponse = MessageShape<typeof QueryPackageAnalysisResponseSchema>;
export type InsightResult = CallResult<InsightResponse> | Unsupported;
export type MalwareResult = CallResult<MalwareResponse> | Unsupported;

/**
 * The two questions about a package version. Neither ever throws for what a server does: garbage, silence, resets and refusals are
 * results. Each call costs one permit; nothing is sent twice (but see `createSafeDepTransport` for the one-time fallback).
 */
export interface DataPlaneClient {
  getInsight(packageVersion: PackageVersion, signal?: AbortSignal): Promise<InsightResult>;
  /** The answer comes without the report's list of files: nothing here reads it, and it is most of a 700 KB report. */
  queryMalware(packageVersion: PackageVersion, signal?: AbortSignal): Promise<MalwareResult>;
  /** Opens or checks the connection ahead of the first call. Never throws. */
  prepare(): Promise<void>;
  /** How calls travel by now. */
  transportKind(): TransportKind;
  close(): void;
}

export interface DataPlaneOptions {
  /** The data plane's host, or the community host, which takes no credential. */
  readonly baseUrl: string;
  readonly transport: TransportKind;
  readonly credential?: CredentialSource;
  readonly onFallback: (sentence: string) => void;
  /** For one call, in milliseconds; `CALL_DEADLINE_MS` where it is not given. */
  readonly deadlineMs?: number;
}

/** @throws Error for the reader when `baseUrl` is not usable. */
export function createDataPlaneClient({ baseUrl, transport: kind, credential, onFallback, deadlineMs }: DataPlaneOptions): DataPlaneClient {
  const transport = createSafeDepTransport({ baseUrl, kind, onFallback });
  const insights = createClient(InsightService, transport);
  const malysis = createClient(MalwareAnalysisService, transport);
  const call = createCaller({ credential, deadlineMs });
  return {
    getInsight: (packageVersion, signal) =>
      ask(
        packageVersion,
        call,
        signal,
        (options) => insights.getPackageVersionInsight({ packageVersion: toWire(packageVersion) }, options),
        {
          packageVersionOf: (response) => response.packageVersion,
          isEmpty: (response) => response.packageVersion === undefined && response.insight === undefined,
        },
      ),
    queryMalware: async (packageVersion, signal) => {
      const target = { packageVersion: toWire(packageVersion) };
      const result = await ask(packageVersion, call, signal, (options) => malysis.queryPackageAnalysis({ target }, options), {
        packageVersionOf: (response) => response.report?.packageVersion,
        // A service that never analysed a version may answer with nothing at all: no verdict, but an answer.
        isEmpty: () => false,
      });
      if (result.kind === 'answered') delete result.response.report?.fileSystem;
      return result;
    },
    prepare: () => transport.prepare(),
    transportKind: () => transport.kind(),
    close: () => transport.close(),
  };
}

interface AnswerReader<R> {
  readonly packageVersionOf: (response: R) => AnsweredPackageVersion | undefined;
  readonly isEmpty: (response: R) => boolean;
}

async function ask<R>(
  packageVersion: PackageVersion,
  call: Caller,
  signal: AbortSignal | undefined,
  send: (options: Parameters<Parameters<Caller>[0]>[0]) => Promise<R>,
  { packageVersionOf, isEmpty }: AnswerReader<R>,
): Promise<CallResult<R> | Unsupported> {
  const unsupported = whyUnsupported(packageVersion) ?? whyUnaskable(packageVersion);
  if (unsupported !== undefined) return { kind: 'unsupported', reason: unsupported };
  const result = await call(send, signal);
  if (result.kind !== 'answered') return result;
  if (isEmpty(result.response)) return { kind: 'retry', code: 'Internal', reason: 'SafeDep sent an empty answer' };
  const other = whyOtherPackage(packageVersion, packageVersionOf(result.response));
  if (other !== undefined) {
    return {
      kind: 'retry',
      code: 'Internal',
      reason: `SafeDep answered for another package: asked ${packageKey(packageVersion)}, ${other}`,
    };
  }
  return result;
}

function toWire({ ecosystem, name, version }: PackageVersion) {
  return { package: { ecosystem: toSafeDepEcosystem(ecosystem), name }, version };
}

/** A message queue may carry text that no protobuf string can hold. */
function whyUnaskable({ name, version }: PackageVersion): string | undefined {
  if (!name.isWellFormed() || !version.isWellFormed()) return 'the name or the version is not valid Unicode';
  return undefined;
}
