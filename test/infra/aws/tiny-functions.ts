import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { FUNCTION_NAMES } from '../../../infra/aws/bundle.ts';

/** A functions folder whose handlers answer their own name, by way of files of their own and one that all share. */
export function writeTinyFunctions(folder: string): void {
  writeSource(folder, 'shared/greeting.ts', "export const greeting: string = 'this is';\n");
  writeSource(folder, 'shared/index.ts', "export { greeting } from './greeting.ts';\n");
  for (const name of FUNCTION_NAMES) {
    writeSource(
      folder,
      `${name}/handler.ts`,
      `import { greeting } from '../shared/index.ts';\nimport { name } from './name.ts';\nexport const handler = async () => \`\${greeting} \${name}\`;\n`,
    );
    writeSource(folder, `${name}/name.ts`, `export const name = '${name}';\n`);
  }
}

export function writeSource(folder: string, path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** Runs statements in a fresh Node and returns which of the packages it loaded. */
export async function packagesLoadedBy(statements: string, packages: readonly string[]): Promise<string[]> {
  const script = `
    import { createRequire } from 'node:module';
    ${statements}
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    process.stdout.write(JSON.stringify(${JSON.stringify(packages)}.filter((name) => loaded.some((path) => path.includes('node_modules/' + name + '/')))));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  return JSON.parse(stdout) as string[];
}
