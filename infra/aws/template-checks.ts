import type { App } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';

export interface TemplateFinding {
  readonly rule: string;
  readonly description: string;
  readonly constructPaths: readonly string[];
}

/**
 * What cdk-nag's AwsSolutions rules find in a synthesised app and nobody has acknowledged with a reason. Asked directly, not as a
 * plugin of the synthesis: that one ends in an exception and a stack trace for what is a list.
 */
export function checkTemplates(app: App): TemplateFinding[] {
  const { violations } = new AwsSolutionsChecks(app).validateScope(app);
  return violations.map(({ ruleName, description, violatingResources }) => ({
    rule: ruleName,
    description,
    constructPaths: violatingResources.map(
      ({ constructPath, resourceLogicalId }) => constructPath ?? resourceLogicalId ?? 'unknown construct',
    ),
  }));
}

export function describeFindings(findings: readonly TemplateFinding[]): string {
  return findings
    .map(({ rule, description, constructPaths }) => [`${rule}: ${description}`, ...constructPaths.map((path) => `  at ${path}`)].join('\n'))
    .join('\n');
}
