import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { rememberExpressions } from './dynalite-expressions.ts';
import { isRecord } from './intrinsics.ts';
import { AwsError, answerError, answerJson, type LoopbackServer, listenOnLoopback, readBody } from './loopback-server.ts';
import type { TablePlan } from './plan.ts';

/** DynamoDB's limit of a request (16 MB). */
const MAXIMUM_REQUEST_BYTES = 16 * 1024 * 1024;
/** Any signature does: dynalite wants to see one and does not check it. */
const UNCHECKED_AUTHORIZATION =
  'AWS4-HMAC-SHA256 Credential=local/20300101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0';

/** A write that was done, as the tables have it. A BatchWriteItem is one write of several items. */
export interface StoredWrite {
  readonly operation: 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'BatchWriteItem';
  readonly items: readonly { readonly table: string; readonly key: Readonly<Record<string, unknown>> }[];
}

export interface DynamoDbOptions {
  /** Refuses a call before anything happens: throttles, outages. `table` is missing for calls on several tables. */
  readonly fault?: (operation: string, table: string | undefined) => AwsError | undefined;
  /**
   * Called after every write and before its answer, in the order of the writes' ends; the answer waits for it. `drop` ends the
   * connection instead: the write is done and the caller does not learn it.
   */
  readonly onWrite?: (write: StoredWrite) => undefined | 'drop' | Promise<undefined | 'drop'>;
}

export interface DynamoDb {
  readonly url: string;
  close(): Promise<void>;
}

/** What is used of dynalite's inside; the version is pinned for it, and the test for the old item on a failed condition guards it. */
interface DynaliteServer extends EventEmitter {
  emit(event: 'request', request: EventEmitter, response: ServerResponse): boolean;
}
type Validation = { types: Record<string, unknown> };
type CheckConditional = (
  data: Record<string, unknown>,
  existing: unknown,
) => (Error & { body: Record<string, unknown> }) | null | undefined;

const require = createRequire(import.meta.url);

let patched = false;

/** Teaches dynalite `ReturnValuesOnConditionCheckFailure`: it checks a condition while it holds the item's lock, so this is exact. */
function patchDynalite(): void {
  if (patched) return;
  patched = true;
  rememberExpressions();
  const database = require('dynalite/db') as { checkConditional: CheckConditional };
  const check = database.checkConditional;
  database.checkConditional = (data, existing) => {
    const error = check(data, existing);
    if (error && existing && data['ReturnValuesOnConditionCheckFailure'] === 'ALL_OLD') error.body['Item'] = existing;
    return error;
  };
  for (const operation of ['putItem', 'updateItem', 'deleteItem']) {
    const validation = require(`dynalite/validations/${operation}`) as Validation;
    validation.types['ReturnValuesOnConditionCheckFailure'] = { type: 'String', enum: ['ALL_OLD', 'NONE'] };
  }
}

/** DynamoDB in memory with the tables of a plan: dynalite behind a front that adds what it lacks. */
export async function startDynamoDb(tables: readonly TablePlan[], options: DynamoDbOptions = {}): Promise<DynamoDb> {
  patchDynalite();
  const dynalite = require('dynalite') as (options: Record<string, number>) => DynaliteServer;
  // Not listening: requests are handed to it. Tables are active at once.
  const front = new DynamoDbFront(dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 }), tables, options);
  const server: LoopbackServer = await listenOnLoopback((request, response) => void front.serve(request, response));
  await Promise.all(tables.map((table) => createTable(server.url, table)));
  return { url: server.url, close: server.close };
}

/** One request whose body has been read, in the form that dynalite listens to. A caller that dies half-way can so not throw inside it. */
class ReadRequest extends EventEmitter {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];

  constructor({ method, url, headers }: IncomingMessage) {
    super();
    this.method = method;
    this.url = url;
    this.headers = headers;
  }

  deliver(body: Buffer): void {
    this.emit('data', body);
    this.emit('end');
  }
}

class DynamoDbFront {
  readonly #dynalite: DynaliteServer;
  readonly #options: DynamoDbOptions;
  readonly #timeToLive = new Map<string, string>();
  readonly #keyNames: ReadonlyMap<string, readonly string[]>;

  constructor(dynalite: DynaliteServer, tables: readonly TablePlan[], options: DynamoDbOptions) {
    this.#dynalite = dynalite;
    this.#options = options;
    this.#keyNames = new Map(tables.map((table) => [table.name, table.keySchema.map((element) => element.AttributeName)]));
    for (const table of tables) {
      if (table.timeToLiveAttribute !== undefined) this.#timeToLive.set(table.name, table.timeToLiveAttribute);
    }
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: Buffer | undefined;
    try {
      body = await readBody(request, MAXIMUM_REQUEST_BYTES);
    } catch {
      // The caller went away in the middle of its request: there is nobody to answer and nothing was asked.
      return;
    }
    if (body === undefined) {
      answerError(request, response, new AwsError('RequestEntityTooLarge', 'the request is longer than 16 MB', 413));
      return;
    }
    const operation = String(request.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
    const needsInput = this.#options.fault !== undefined || this.#options.onWrite !== undefined || operation.endsWith('TimeToLive');
    const input = needsInput ? parseInput(body) : {};
    const table = typeof input['TableName'] === 'string' ? input['TableName'] : undefined;
    const fault = this.#options.fault?.(operation, table);
    if (fault) {
      answerError(request, response, fault);
    } else if (operation.endsWith('TimeToLive') && table !== undefined && this.#keyNames.has(table)) {
      answerJson(request, response, 200, this.#answerTimeToLive(operation, table, input));
    } else {
      const write = this.#options.onWrite ? this.#toWrite(operation, input) : undefined;
      if (write) this.#holdAnswer(response, write);
      const read = new ReadRequest(request);
      this.#dynalite.emit('request', read, response);
      read.deliver(body);
    }
  }

  #answerTimeToLive(operation: string, table: string, input: Record<string, unknown>): unknown {
    const specification = input['TimeToLiveSpecification'];
    if (operation === 'UpdateTimeToLive' && isRecord(specification)) {
      if (specification['Enabled'] === true) this.#timeToLive.set(table, String(specification['AttributeName']));
      else this.#timeToLive.delete(table);
      return { TimeToLiveSpecification: specification };
    }
    const attribute = this.#timeToLive.get(table);
    return {
      TimeToLiveDescription: {
        TimeToLiveStatus: attribute === undefined ? 'DISABLED' : 'ENABLED',
        ...(attribute === undefined ? {} : { AttributeName: attribute }),
      },
    };
  }

  #toWrite(operation: string, input: Record<string, unknown>): StoredWrite | undefined {
    const keyOf = (table: string, item: unknown): Record<string, unknown> =>
      isRecord(item) ? Object.fromEntries((this.#keyNames.get(table) ?? []).map((name) => [name, item[name]])) : {};
    const table = String(input['TableName']);
    switch (operation) {
      case 'PutItem':
        return { operation, items: [{ table, key: keyOf(table, input['Item']) }] };
      case 'UpdateItem':
      case 'DeleteItem':
        return { operation, items: [{ table, key: keyOf(table, input['Key']) }] };
      case 'BatchWriteItem':
        return {
          operation,
          items: Object.entries(isRecord(input['RequestItems']) ? input['RequestItems'] : {}).flatMap(([name, requests]) =>
            (Array.isArray(requests) ? requests : []).map((entry) => ({
              table: name,
              key: keyOf(name, entry?.PutRequest?.Item ?? entry?.DeleteRequest?.Key),
            })),
          ),
        };
      default:
        return undefined;
    }
  }

  /** dynalite answers with one `end(body)` after the write is stored: the hook runs between the two. */
  #holdAnswer(response: ServerResponse, write: StoredWrite): void {
    const end = response.end.bind(response) as (body: string) => void;
    response.end = ((body: string) => {
      if (response.statusCode !== 200) {
        end(body);
        return response;
      }
      Promise.resolve(this.#options.onWrite?.(write)).then(
        (verdict) => (verdict === 'drop' ? response.destroy() : end(body)),
        (error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))),
      );
      return response;
    }) as ServerResponse['end'];
  }
}

function parseInput(body: Buffer): Record<string, unknown> {
  try {
    const input: unknown = JSON.parse(body.toString());
    return isRecord(input) ? input : {};
  } catch {
    // Not JSON: dynalite refuses it in DynamoDB's words.
    return {};
  }
}

async function createTable(url: string, table: TablePlan): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'DynamoDB_20120810.CreateTable',
      'x-amz-date': '20300101T000000Z',
      authorization: UNCHECKED_AUTHORIZATION,
    },
    body: JSON.stringify({
      TableName: table.name,
      KeySchema: table.keySchema,
      AttributeDefinitions: table.attributeDefinitions,
      BillingMode: 'PAY_PER_REQUEST',
      ...(table.globalSecondaryIndexes.length > 0 ? { GlobalSecondaryIndexes: table.globalSecondaryIndexes } : {}),
      ...(table.localSecondaryIndexes.length > 0 ? { LocalSecondaryIndexes: table.localSecondaryIndexes } : {}),
    }),
  });
  if (!answer.ok) throw new Error(`the table ${table.name} (${table.logicalId}) could not be made: ${await answer.text()}`);
}
