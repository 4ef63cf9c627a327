/** The page's look: paper and ink, thin rules, no boxes; dark where the reader's system is. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fdfdfb; --ink: #1b1d21; --soft: #565b64; --rule: #c9cbc8; --hair: #e4e5e1; --shade: #f3f3ee;
  --link: #17508f; --good: #1d6b39; --half: #8a5a00; --bad: #a8261d; --bar: #b9c7da; --mark: #17406f;
  --part-0: #4e79a7; --part-1: #d98b2b; --part-2: #59904f; --part-3: #b8474a;
  --part-4: #5aa5a0; --part-5: #8f6cab; --part-6: #8a7355; --part-7: #8c8f94;
  --guest: #a3a9b1; --xen: #4d535b;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --ink: #dcdedf; --soft: #9ba1a9; --rule: #454a51; --hair: #2b2f34; --shade: #1d2024;
    --link: #8fb9ea; --good: #7cc492; --half: #e0b45c; --bad: #f08a7f; --bar: #33465e; --mark: #a6c6ee;
    --part-0: #6f9bcb; --part-1: #e0a04c; --part-2: #7db873; --part-3: #dc7577;
    --part-4: #78bfba; --part-5: #b194cc; --part-6: #b39b7a; --part-7: #9a9ea4;
    --guest: #656c75; --xen: #c3c8cf;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 88rem; padding: 2.5rem clamp(1rem, 4vw, 3.5rem) 4rem;
  background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 1rem/1.5 Charter, "Bitstream Charter", "Source Serif 4", "Iowan Old Style", Georgia, "Liberation Serif", serif;
}
h1, h2, h3 { line-height: 1.2; font-weight: 650; text-wrap: balance; }
h1 { font-size: 1.9rem; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 3.2rem 0 .8rem; padding-top: .7rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .3rem; }
p, ul { max-width: 46rem; margin: .6rem 0; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.lead { color: var(--soft); }
.answer { font-size: 1.15rem; margin: 1.2rem 0 1.6rem; }
.facts, .unpriced, footer { color: var(--soft); font-size: .9rem; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; max-width: none; font-size: .95rem; }
code, pre, .id { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace; }
code { font-size: .86em; }
.id { font-size: .9em; font-weight: 600; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--shade); padding: .7rem .9rem; font-size: .82rem; line-height: 1.5; }
.scroll {
  overflow-x: auto; max-width: 100%; /* a shadow at an edge tells that there is more behind it */
  background:
    linear-gradient(90deg, var(--paper) 1.2rem, transparent) left / 2.4rem 100% local,
    linear-gradient(-90deg, var(--paper) 1.2rem, transparent) right / 2.4rem 100% local,
    linear-gradient(90deg, var(--rule), transparent) 1px 0 / .6rem 100% scroll,
    linear-gradient(-90deg, var(--rule), transparent) calc(100% - 1px) 0 / .6rem 100% scroll;
  background-repeat: no-repeat;
}
table .id, .data th { white-space: nowrap; }
table {
  border-collapse: collapse; margin: .8rem 0 1.2rem; border-bottom: 1px solid var(--rule);
  font: .875rem/1.4 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif;
}
caption { text-align: left; color: var(--soft); padding: 0 0 .5rem; max-width: min(52rem, 100vw - 2.2rem); }
th, td { text-align: left; vertical-align: top; padding: .45rem 1.2rem .45rem 0; border-top: 1px solid var(--hair); font-weight: normal; }
th:last-child, td:last-child { padding-right: .2rem; }
thead th { border-top: 1px solid var(--rule); border-bottom: 1px solid var(--rule); color: var(--soft); vertical-align: bottom; }
tbody tr:first-child > * { border-top: 0; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.same { color: var(--soft); }
small { font-size: .82em; color: var(--soft); }
.about { display: block; color: var(--soft); font-size: .92em; min-width: 12rem; max-width: 22rem; }
.prose { min-width: 14rem; max-width: 30rem; }
.causes, .source { min-width: 11rem; max-width: 22rem; font-size: .92em; color: var(--soft); }
.kind { color: var(--soft); font-style: italic; }
.cells th[scope="row"] { min-width: 10rem; max-width: 24rem; }
.verdict { white-space: nowrap; font-weight: 600; }
.keeps { color: var(--good); } .guest-mode-only { color: var(--half); } .breaks { color: var(--bad); }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; max-width: none; font-size: .9rem; }
.swatch { width: .8em; height: .8em; vertical-align: -.06em; }
.recording { border-top: 1px solid var(--hair); margin-top: 1.6rem; }
.figures { display: grid; gap: 1rem 2.4rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); align-items: start; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .9rem; margin: .2rem 0 .3rem; }
figure svg { display: block; width: 100%; max-width: 34rem; height: auto; font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif; }
svg text { fill: var(--ink); font-size: 11.5px; font-variant-numeric: tabular-nums; }
svg .name, svg .value { stroke: var(--paper); stroke-width: 3px; paint-order: stroke; }
svg .name { font-weight: 600; }
svg .tick, svg .axis { fill: var(--soft); font-size: 10.5px; }
svg .grid { stroke: var(--hair); } svg .zero { stroke: var(--soft); }
svg .hit { fill: none; pointer-events: all; }
svg .bar { fill: var(--bar); } svg .stem { stroke: var(--bar); stroke-width: 1.3; stroke-dasharray: 2 3; }
svg .whisker { fill: none; stroke: var(--mark); stroke-width: 1.3; }
svg .dot { fill: var(--mark); } svg .dot.open { fill: var(--paper); stroke: var(--mark); stroke-width: 1.6; }
svg .part { stroke: var(--paper); stroke-width: .6; }
.cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); margin: 1rem 0 1.6rem; }
.card { border: 1px solid var(--rule); border-radius: .3rem; padding: .8rem 1rem; min-width: 0; font: .875rem/1.45 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif; }
.card h3 { margin: 0 0 .1rem; } .card p { margin: 0 0 .5rem; }
.card .about { max-width: none; }
.card dl { margin: 0; } .card dt { color: var(--soft); font-size: .92em; margin-top: .45rem; } .card dd { margin: 0; }
.card .row { font-variant-numeric: tabular-nums; }
.data { border: 0; } .data[open] { border: 0; } .data summary { font-size: .85rem; color: var(--soft); padding: .2rem 0; }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; text-align: inherit; cursor: pointer; }
th button:hover { color: var(--link); text-decoration: underline; }
th[aria-sort="ascending"] button::after { content: " \\2191"; } th[aria-sort="descending"] button::after { content: " \\2193"; }
#tip { position: fixed; z-index: 1; max-width: min(30rem, 90vw); padding: .35rem .6rem; background: var(--ink); color: var(--paper); border-radius: .2rem; pointer-events: none;
  font: .8rem/1.4 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif; }
svg g:hover > .hit { fill: var(--shade); }
svg .heat { fill: var(--mark); } ${Array.from({ length: 6 }, (_, i) => `svg .heat-${i + 1} { fill-opacity: ${((i + 1) / 6).toFixed(2)}; }`).join(" ")}
${Array.from({ length: 8 }, (_, i) => `svg .part-${i} { fill: var(--part-${i}); }`).join("\n")}
svg .line { fill: none; } svg .line.broken { stroke-dasharray: 5 3; }
${Array.from({ length: 8 }, (_, i) => `svg .line-${i} { stroke: var(--part-${i}); stroke-width: ${(3.8 - 0.35 * i).toFixed(2)}; }`).join("\n")}
svg .memory-guest { fill: var(--guest); } svg .memory-xen { fill: var(--xen); }
details { border-top: 1px solid var(--hair); }
details[open] { border-bottom: 1px solid var(--rule); margin-bottom: .8rem; }
summary { cursor: pointer; padding: .4rem 0; font-size: .95rem; font-variant-numeric: tabular-nums; }
summary:hover { background: var(--shade); }
summary .id { display: inline-block; min-width: 12rem; }
summary span { margin-right: 1rem; }
.against { color: var(--soft); }
footer { margin-top: 3rem; border-top: 1px solid var(--rule); padding-top: .6rem; }
@media screen and (max-width: 40rem) { /* a row of much text, cell under cell */
  .stacked thead { display: none; } .stacked :is(caption, tbody, tr, th, td) { display: block; }
  .stacked :is(th, td) { max-width: none; padding: .1rem 0; border: 0; } .stacked .num { text-align: left; }
  .stacked tr { border-top: 1px solid var(--hair); padding: .5rem 0; } .stacked td[data-label]::before { content: attr(data-label); color: var(--soft); }
}
@media print {
  @page { margin: 16mm 14mm; }
  :root { --paper: #fff; --ink: #000; --soft: #444; --shade: #fff; --link: #000; color-scheme: light; }
  body { padding: 0; max-width: none; font-size: 9.5pt; }
  nav, .data, #tip { display: none; }
  a { text-decoration: none; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; } th, td { padding-right: .7rem; }
  .prose, .about, .causes, .source { min-width: 0; }
  figure, tr, summary { break-inside: avoid; } h2, h3, caption { break-after: avoid; }
  .figures { grid-template-columns: 1fr 1fr 1fr; gap: .6rem 1rem; }
}
`;
