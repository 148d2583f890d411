import { type DynamoDBClient, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { getAll, type Item, isConditionFailure, number, numberOf, text, textOf } from '../aws/dynamodb-items.ts';
import type { Finding } from '../model/finding.ts';
import { type RefId, refKey } from '../model/repository.ts';
import type { FindingState, FindingWrite, StoredFinding, StoredFindingAt } from './transition.ts';

const INTENT_MARK = 'intent';

export type FindingStore = ReturnType<typeof createFindingStore>;

/** Findings of refs. A finding's state and the event that must follow from it are one write. */
export function createFindingStore(client: DynamoDBClient, tableName: string) {
  async function update(
    ref: string,
    id: string,
    expression: string,
    condition: string,
    values: Item,
    names: Record<string, string>,
  ): Promise<boolean> {
    try {
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: { ref: text(ref), id: text(id) },
          UpdateExpression: expression,
          ConditionExpression: condition,
          ...(Object.keys(values).length > 0 ? { ExpressionAttributeValues: values } : {}),
          ...(Object.keys(names).length > 0 ? { ExpressionAttributeNames: names } : {}),
        }),
      );
      return true;
    } catch (error) {
      if (isConditionFailure(error)) return false;
      throw error;
    }
  }

  /** Takes the mark off a finding without intents: who took the last one may have died before the mark went. */
  async function clearEmptyMark(ref: string, id: string): Promise<void> {
    const condition = 'attribute_exists(intentMark) AND size(intents) = :zero';
    await update(ref, id, 'REMOVE intentMark, intentAtMs', condition, { ':zero': number(0) }, {});
  }

  return {
    /** All findings of a ref, resolved ones too. Strongly consistent. */
    async readAll(ref: RefId): Promise<StoredFinding[]> {
      const found: StoredFinding[] = [];
      let from: Item | undefined;
      do {
        const answer = await client.send(
          new QueryCommand({
            TableName: tableName,
            KeyConditionExpression: '#ref = :ref',
            ExpressionAttributeNames: { '#ref': 'ref' },
            ExpressionAttributeValues: { ':ref': text(refKey(ref)) },
            ConsistentRead: true,
            ...(from ? { ExclusiveStartKey: from } : {}),
          }),
        );
        found.push(...(answer.Items ?? []).map(toStored));
        from = answer.LastEvaluatedKey;
      } while (from);
      return found;
    },

    /**
     * Writes a finding as an evaluation sees it; with a transition, its event (JSON) goes into the same write. `refused` when
     * the same or a later evaluation has written it, or when its transitions went on since it was read.
     */
    async write(
      ref: RefId,
      write: FindingWrite,
      evaluation: number,
      event: string | undefined,
      nowMs: number,
    ): Promise<'written' | 'refused'> {
      const values: Item = {
        ':finding': text(JSON.stringify(write.finding)),
        ':state': text(write.state),
        ':transition': number(write.transition),
        ':before': number(write.kind === undefined ? write.transition : write.transition - 1),
        ':evaluation': number(evaluation),
      };
      const names: Record<string, string> = { '#state': 'state' };
      const sets = ['finding = :finding', '#state = :state', 'transition = :transition', 'lastEvaluation = :evaluation'];
      if (event !== undefined) {
        values[':now'] = number(nowMs);
        values[':mark'] = text(INTENT_MARK);
        sets.push('intentMark = :mark', 'intentAtMs = :now');
        if (write.kind === 'opened') {
          values[':intents'] = { M: { [String(write.transition)]: text(event) } };
          sets.push('intents = :intents');
        } else {
          names['#transition'] = String(write.transition);
          values[':event'] = text(event);
          sets.push('intents.#transition = :event');
        }
      }
      const isNew = write.kind === 'opened';
      const condition = isNew ? 'attribute_not_exists(id)' : 'lastEvaluation < :evaluation AND transition = :before';
      if (isNew) delete values[':before'];
      return (await update(refKey(ref), write.finding.id, `SET ${sets.join(', ')}`, condition, values, names)) ? 'written' : 'refused';
    },

    /** The bus has this transition's event; the mark goes with the last one, also where the last two are taken at once. */
    async removeIntent(ref: string, id: string, transition: string): Promise<void> {
      const names = { '#transition': transition };
      const wasLast = await update(
        ref,
        id,
        'REMOVE intents.#transition, intentMark, intentAtMs',
        'attribute_exists(intents.#transition) AND size(intents) = :one',
        { ':one': number(1) },
        names,
      );
      if (wasLast) return;
      await update(ref, id, 'REMOVE intents.#transition', 'attribute_exists(id)', {}, names);
      await clearEmptyMark(ref, id);
    },

    clearEmptyMark,

    /** Findings whose events have waited since before a time. */
    async withIntentsBefore(atMs: number, limit: number): Promise<StoredFindingAt[]> {
      const answer = await client.send(
        new QueryCommand({
          TableName: tableName,
          IndexName: 'intents',
          KeyConditionExpression: 'intentMark = :mark AND intentAtMs < :before',
          ExpressionAttributeValues: { ':mark': text(INTENT_MARK), ':before': number(atMs) },
          Limit: limit,
        }),
      );
      const keys = (answer.Items ?? []).map((item) => ({ ref: item['ref'] ?? text(''), id: item['id'] ?? text('') }));
      return (await getAll(client, tableName, keys)).map((item) => ({ ref: textOf(item, 'ref') ?? '', stored: toStored(item) }));
    },
  };
}

function toStored(item: Item): StoredFinding {
  return {
    finding: JSON.parse(textOf(item, 'finding') ?? '{}') as Finding,
    state: (textOf(item, 'state') ?? 'open') as FindingState,
    transition: numberOf(item, 'transition') ?? 0,
    lastEvaluation: numberOf(item, 'lastEvaluation') ?? 0,
    intents: Object.fromEntries(Object.entries(item['intents']?.M ?? {}).map(([transition, value]) => [transition, value.S ?? ''])),
  };
}
