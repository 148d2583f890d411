import { EventBus, Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { EVENT_SOURCE } from '../../../shared/messages/bus-events.ts';
import { pinLogicalId } from './logical-id.ts';
import type { WorkQueue } from './work-queue.ts';

/** Carries findings and ended scans, to our sinks and to anyone else's rules. */
export class FindingBus extends Construct {
  readonly #bus: EventBus;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.#bus = new EventBus(this, 'Bus', { description: "Findings and scans, for our sinks and anyone else's rules" });
    pinLogicalId(this.#bus, 'EventBus');
  }

  get busName(): string {
    return this.#bus.eventBusName;
  }

  /**
   * Every event to a kind of sink, which has a queue of its own, so that a slow one delays no other. What EventBridge cannot deliver
   * lies with what the sink refused: the same events, redriven the same way.
   */
  deliverTo(id: string, sinkQueue: WorkQueue): void {
    new Rule(this, id, {
      description: 'Every event of safedep-watch to one kind of sink',
      eventBus: this.#bus,
      eventPattern: { source: [EVENT_SOURCE] },
      targets: [new SqsQueue(sinkQueue.queue, { deadLetterQueue: sinkQueue.deadLetterQueue })],
    });
  }

  grantPutEvents(sender: IGrantable): void {
    sender.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions: ['events:PutEvents'], resources: [this.#bus.eventBusArn] }));
  }
}
