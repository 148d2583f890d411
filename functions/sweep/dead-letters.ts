import type { ReceivedMessage } from '../../shared/aws/queue.ts';
import { MessageError, parseLookupBatch } from '../../shared/messages/queue-messages.ts';
import { giveUp, type SweepPorts } from './sweep.ts';

/**
 * Looks at messages that SQS gave up on. A batch of look-ups ends the waiting of its scan, so that no scan waits for ever for
 * what will not come. The messages stay where they are: the alarm stands until an operator has seen them and sent them back.
 */
export async function readDeadLetters(
  messages: readonly ReceivedMessage[],
  ports: Pick<SweepPorts, 'scans' | 'sendEvaluations' | 'nowMs'>,
): Promise<{ readonly scansGivenUp: number }> {
  let scansGivenUp = 0;
  for (const { body } of messages) {
    const scan = scanOf(body);
    if (!scan) continue;
    await giveUp(scan, ports.nowMs(), ports);
    scansGivenUp += 1;
  }
  return { scansGivenUp };
}

function scanOf(body: string) {
  try {
    return parseLookupBatch(body).scan;
  } catch (error) {
    // Another queue's message, or one that nobody can read: there is no scan to end.
    if (error instanceof MessageError) return undefined;
    throw error;
  }
}
