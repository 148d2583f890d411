import { describe, expect, it } from 'vitest';
import { readBatchResponse, toSqsEvent } from '../../../../infra/local/engines/sqs-event.ts';

const IDS = new Set(['a', 'b', 'c']);

describe('readBatchResponse', () => {
  for (const payload of ['', 'null', '""', '{}', '{"batchItemFailures":null}', '{"batchItemFailures":[]}', '{"other":1}']) {
    it(`counts every message as done after ${payload === '' ? 'nothing' : payload}`, () => {
      expect(readBatchResponse(payload, IDS)).toEqual(new Set());
    });
  }

  it('counts the named messages as failed', () => {
    expect(readBatchResponse('{"batchItemFailures":[{"itemIdentifier":"c"},{"itemIdentifier":"a"}]}', IDS)).toEqual(new Set(['c', 'a']));
  });

  for (const payload of [
    '{"batchItemFailures":[{"itemIdentifier":"z"}]}',
    '{"batchItemFailures":[{"itemIdentifier":""}]}',
    '{"batchItemFailures":[{"itemIdentifier":null}]}',
    '{"batchItemFailures":[{"messageId":"a"}]}',
    '{"batchItemFailures":["a"]}',
    '{"batchItemFailures":{"itemIdentifier":"a"}}',
    '"done"',
    'true',
    '[]',
    'not json',
  ]) {
    it(`counts the whole batch as failed after ${payload}`, () => {
      expect(readBatchResponse(payload, IDS)).toBe('all');
    });
  }
});

describe('toSqsEvent', () => {
  it('has the shape of an SQS event', () => {
    const message = {
      messageId: 'a',
      receiptHandle: 'r',
      body: 'text',
      md5OfBody: 'm',
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: '5' },
      messageAttributes: { kind: { DataType: 'String', StringValue: 'x' } },
    };
    expect(toSqsEvent('arn:aws:sqs:us-east-1:000000000000:work', [message])).toEqual({
      Records: [
        {
          ...message,
          messageAttributes: { kind: { stringValue: 'x', stringListValues: [], binaryListValues: [], dataType: 'String' } },
          eventSource: 'aws:sqs',
          eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:work',
          awsRegion: 'us-east-1',
        },
      ],
    });
  });
});
