/** Style of the stand-in's pages: no fonts, pictures or scripts from anywhere; follows the reader's light or dark. */
export const MADE_UP_STYLE = `
:root { color-scheme: light dark; --text: #1c2330; --quiet: #5b6675; --back: #fbfbfa; --line: #dfe2e6; --panel: #fff; --mark: #8a5a00; --mark-back: #fff6e0; --bad: #b3261e; --good: #1e6b3a; --link: #2a5db0; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7eb; --quiet: #98a2b0; --back: #14171c; --line: #2c323b; --panel: #1b1f26; --mark: #f0c674; --mark-back: #2b2414; --bad: #ff8a80; --good: #7fd29a; --link: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1rem 1rem 3rem; }
main.narrow { max-width: 32rem; }
h1 { font-size: 1.4rem; margin: 1rem 0 .25rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.made-up { background: var(--mark-back); color: var(--mark); border-radius: .4rem; padding: .5rem .75rem; margin: 0; }
.quiet, small { color: var(--quiet); }
.bad { color: var(--bad); }
.good { color: var(--good); }
.scroll { overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .75rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.text { white-space: normal; min-width: 14rem; overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; }
th { color: var(--quiet); font-weight: 500; font-size: .85rem; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
form label { display: block; margin: .75rem 0; }
fieldset { border: 1px solid var(--line); border-radius: .4rem; }
input:not([type=radio]) { display: block; width: 100%; font: inherit; padding: .5rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--panel); color: inherit; }
button { font: inherit; padding: .5rem 1rem; margin: 0 .25rem .25rem 0; border: 1px solid var(--link); border-radius: .4rem; background: var(--link); color: var(--back); cursor: pointer; }
button.quiet { background: transparent; color: var(--text); border-color: var(--line); }
`;
