/** How a page looks: in the colours of the system, light or dark, on a screen of any width and on paper. */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --back: #fbfbfa; --card: #fff; --text: #1c2024; --quiet: #5f6872; --line: #dfe3e6; --calls: #8aa4bd; --errors: #c8372d;
  --good: #1a7337; --bad: #b3261e; --middling: #7a5200;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14171a; --card: #1b1f23; --text: #e6e9ec; --quiet: #9aa5b0; --line: #333a41; --calls: #5b7893; --errors: #f0685e;
    --good: #5bc97a; --bad: #f5857c; --middling: #e3b04b;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
header p { margin: .4rem 0 0; color: var(--quiet); font-size: 1.05rem; }
header .product { margin: 0 0 .3rem; font-size: .85rem; font-weight: 600; }
header .origin { font-size: .85rem; overflow-wrap: anywhere; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.middling { color: var(--middling); }
code { padding: .05em .3em; border-radius: 4px; background: color-mix(in srgb, var(--calls) 18%, transparent); font: .9em ui-monospace, monospace; }
section { margin-top: 1.25rem; padding: 1rem 1.25rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
h2 { margin: 0 0 .6rem; font-size: 1.05rem; }
p, ul { margin: .5rem 0 0; }
ul { padding-left: 1.2rem; }
dl { margin: 0; }
dl div { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: 0 1rem; padding: .3rem 0; border-top: 1px solid var(--line); }
dl div:first-child { border-top: 0; }
dt { color: var(--quiet); font-variant-numeric: tabular-nums; }
dd { margin: 0; overflow-wrap: anywhere; }
dd.lines { white-space: pre-wrap; font: .85em/1.5 ui-monospace, monospace; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { padding: .35rem .75rem; border-top: 1px solid var(--line); text-align: left; font-weight: 400; white-space: nowrap; }
th:first-child { min-width: 8rem; padding-left: 0; white-space: normal; overflow-wrap: break-word; }
td:last-child, th:last-child { padding-right: 0; }
thead th { border-top: 0; color: var(--quiet); font-size: .85rem; }
.number { text-align: right; }
tbody tr:hover { background: color-mix(in srgb, var(--calls) 12%, transparent); }
figure { margin: 0; }
figcaption { margin-top: .3rem; color: var(--quiet); font-size: .85rem; }
svg { display: block; width: 100%; min-width: 56rem; height: auto; }
svg text { fill: var(--quiet); font-size: 12px; }
svg line { stroke: var(--line); }
rect.calls { fill: var(--calls); }
rect.errors { fill: var(--errors); }
.key { margin-right: .75rem; }
.key::before { content: ""; display: inline-block; width: .7rem; height: .7rem; margin-right: .35rem; border-radius: 2px; }
.key.calls::before { background: var(--calls); }
.key.errors::before { background: var(--errors); }
details { margin-top: .75rem; }
summary { color: var(--quiet); cursor: pointer; }
@media (max-width: 40rem) { dl div { grid-template-columns: minmax(0, 1fr); } }
@media print { main { padding: 0; } section { break-inside: avoid; } svg { min-width: 0; } }
`;
