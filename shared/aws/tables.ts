/** The tables' keys and indexes, in one place for the stack that makes them and the stores that use them. */

interface KeyAttribute {
  readonly name: string;
  readonly type: 'S' | 'N';
}

interface KeySchema {
  readonly partitionKey: KeyAttribute;
  readonly sortKey?: KeyAttribute;
}

export interface TableShape extends KeySchema {
  /** Sparse: only rows that carry both attributes are in them. All project the keys only. */
  readonly indexes: Readonly<Record<string, Required<KeySchema>>>;
  /** Attribute with the second since the epoch after which a row may go. Readers compare it themselves: deletion is late. */
  readonly timeToLiveAttribute?: string;
}

const text = (name: string): KeyAttribute => ({ name, type: 'S' });
const number = (name: string): KeyAttribute => ({ name, type: 'N' });

export const TABLE_SHAPES = {
  'rate-limits': { partitionKey: text('pk'), indexes: {} },
  insights: {
    partitionKey: text('pk'),
    sortKey: text('sk'),
    indexes: {
      /** Package versions by the time of their next refresh, in 16 shards. */
      due: { partitionKey: text('dueShard'), sortKey: number('dueAtMs') },
      /** Answers that changed and are not fanned out yet. */
      'un-fanned': { partitionKey: text('fanOutMark'), sortKey: number('fanOutAtMs') },
    },
    timeToLiveAttribute: 'expiresAtSeconds',
  },
  inventory: { partitionKey: text('pk'), sortKey: text('sk'), indexes: {}, timeToLiveAttribute: 'expiresAtSeconds' },
  scans: {
    partitionKey: text('ref'),
    sortKey: number('generation'),
    indexes: {
      /** Scans that have not ended, by the time at which `sweep` should look again. */
      open: { partitionKey: text('openMark'), sortKey: number('lookAtMs') },
      /** Scans whose outcome the bus or the report queue has not taken yet. */
      intents: { partitionKey: text('intentMark'), sortKey: number('intentAtMs') },
    },
    timeToLiveAttribute: 'expiresAtSeconds',
  },
  findings: {
    partitionKey: text('ref'),
    sortKey: text('id'),
    indexes: {
      /** Findings with transitions that the bus has not taken yet. */
      intents: { partitionKey: text('intentMark'), sortKey: number('intentAtMs') },
    },
  },
  /** One item: who is refreshing the sign-in, and what `rotate` has to remember. No secret stands in it. */
  identity: { partitionKey: text('pk'), indexes: {} },
  settings: { partitionKey: text('tenant'), sortKey: number('version'), indexes: {} },
} as const satisfies Record<string, TableShape>;

export type TableName = keyof typeof TABLE_SHAPES;
