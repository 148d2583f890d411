import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ToolSessions } from './tool-sessions.ts';

/** The one table that can be asked for: what was reported to the stand-in. */
export const SQL_SCHEMAS = [
  {
    name: 'tool_sessions',
    columns: [
      column('project_name', 'made up: name of the reported project'),
      column('project_version', 'made up: its version'),
      column('packages', 'made up: package versions that were published'),
      column('violations', 'made up: policy violations that were published'),
    ],
  },
];

function column(name: string, description: string) {
  return { name, description, filterable: false, selectable: true, required: false, referenceUrl: '' };
}

/** Every session as a row, whatever the query says: SQL itself is not stood in for. */
export function queryBySql(sessions: ToolSessions, nowMs: number) {
  return {
    rows: sessions.list().map(({ request, insights, violations }) => ({
      project_name: request.projectName,
      project_version: request.projectVersion ?? '',
      packages: insights.length,
      violations: violations.length,
    })),
    generatedAt: timestampFromMs(nowMs),
    nextPageToken: '',
  };
}
