import type { RequestHandler } from '../one-port.ts';
import { escapeHtml } from './escape-html.ts';
import { type Section, sections, summary } from './sections.ts';
import { readState, type StandInState, type StateParts } from './state.ts';
import { MADE_UP_STYLE } from './style.ts';

/** How often the page asks for itself again. */
const REFRESH_SECONDS = 3;

/** The only methods of Node's two response classes that are used, which they spell with different overloads. */
interface PlainResponse {
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body: string): unknown;
}

/** `GET /`: what the stand-in was asked, as a page that needs nothing but itself. */
export function servePage(parts: StateParts): RequestHandler {
  return (request, response) => {
    const plain = response as unknown as PlainResponse;
    request.resume();
    plain.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    });
    plain.end(toPage(readState(parts)));
  };
}

function toPage(state: StandInState): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<link rel="icon" href="data:,"><title>SafeDep stand-in (made up)</title>
<style>${MADE_UP_STYLE}</style></head>
<body><main>
<p class="made-up">Made up: this server stands in for SafeDep on this machine. Nothing here says anything about a real package.</p>
<h1>SafeDep stand-in</h1>
<p class="${state.fault === undefined ? 'quiet' : 'bad'}">${escapeHtml(summary(state))}</p>
${sections(state).map(toHtml).join('\n')}
</main></body></html>
`;
}

function toHtml({ title, columns, rows, empty }: Section): string {
  const heading = `<h2>${escapeHtml(title)}</h2>`;
  if (rows.length === 0) return `${heading}<p class="quiet">${escapeHtml(empty)}</p>`;
  const head = columns.map(({ name, kind }) => `<th scope="col" class="${kind}">${escapeHtml(name)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell, i) => `<td class="${columns[i]?.kind}">${escapeHtml(cell)}</td>`).join('')}</tr>`);
  return `${heading}
<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(title)}"><table><thead><tr>${head}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>`;
}
