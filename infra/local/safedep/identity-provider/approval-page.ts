import { escapeHtml } from '../page/escape-html.ts';
import { MADE_UP_STYLE } from '../page/style.ts';
import type { IdentityUser } from './users.ts';

/** The page at which a person confirms a device's code. Self-contained: nothing is loaded from anywhere. */
export function approvalPage({
  userCode,
  users,
  said,
}: {
  readonly userCode: string;
  readonly users: readonly IdentityUser[];
  /** What came of the last click. */
  readonly said?: { readonly text: string; readonly isError: boolean };
}): string {
  const choices = users
    .map(
      ({ id, name, email }, index) =>
        `<label><input type="radio" name="user" value="${escapeHtml(id)}"${index === 0 ? ' checked' : ''}> ${escapeHtml(name)} <small>${escapeHtml(email)}</small></label>`,
    )
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Confirm a device (made up)</title>
<style>${MADE_UP_STYLE}</style></head>
<body><main class="narrow">
<p class="made-up">Made up: this identity provider runs on this machine and knows nobody.</p>
<h1>Confirm a device</h1>
${said ? `<p role="status" class="${said.isError ? 'bad' : 'good'}">${escapeHtml(said.text)}</p>` : ''}
<form method="post">
<label>The code that the device shows <input name="user_code" value="${escapeHtml(userCode)}" autocomplete="off" required></label>
<fieldset><legend>Sign in as</legend>
${choices}</fieldset>
<p><button name="decision" value="approve">Approve</button>
<button name="decision" value="deny" class="quiet">Deny</button>
<button name="decision" value="unverified" class="quiet">Deny: e-mail not verified</button></p>
</form>
</main></body></html>`;
}
