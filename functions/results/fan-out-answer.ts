import type { InventoryStore } from '../../shared/inventory/dynamodb.ts';
import type { AnswerChanged, Evaluate, Evaluation } from '../../shared/messages/queue-messages.ts';

/** Pages of reverse entries that one message reads: with 200 refs a page, some seconds of work. The rest is another message's. */
const PAGES_PER_MESSAGE = 10;

export interface FanOutPorts {
  readonly inventory: Pick<InventoryStore, 'readReverseEntries'>;
  send(messages: readonly Evaluation[]): Promise<void>;
}

/** Has every ref that uses the package version evaluated, for that package version only. Resumable: a repeat sends the same again. */
export async function fanOutAnswer(message: AnswerChanged, ports: FanOutPorts): Promise<void> {
  let cursor = message.cursor;
  for (let page = 0; page < PAGES_PER_MESSAGE; page += 1) {
    const entries = await ports.inventory.readReverseEntries(message.packageVersion, cursor);
    await ports.send(entries.refs.map((ref): Evaluate => ({ version: 1, kind: 'evaluate', ref, packages: [message.packageVersion] })));
    cursor = entries.cursor;
    if (cursor === undefined) return;
  }
  await ports.send([{ ...message, cursor }]);
}
