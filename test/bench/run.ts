import { run as runPushToFinding } from './push-to-finding.ts';
process.exitCode = (await runPushToFinding()) ? 0 : 1;
