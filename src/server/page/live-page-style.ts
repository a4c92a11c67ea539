export const LIVE_PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f7f9, #0f1217);
  --card: light-dark(#ffffff, #161a21);
  --raised: light-dark(#eef0f4, #1e242d);
  --line: light-dark(#dfe3ea, #29303b);
  --text: light-dark(#1a1f28, #e7eaf0);
  --muted: light-dark(#5b6472, #98a2b3);
  --accent: light-dark(#0b7a57, #45c99a);
  --run: light-dark(#1f5fd0, #7aa9ff);
  --warn: light-dark(#8a5a00, #f0b849);
  --bad: light-dark(#b3261e, #ff8f85);
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, monospace;
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
header { position: sticky; top: 0; z-index: 1; padding: .75rem 1rem; background: var(--card); border-bottom: 1px solid var(--line); }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; }
h1 { margin: 0; font-size: 1.05rem; letter-spacing: -.01em; }
.state, .figures { margin: 0; }
.state { display: inline-flex; align-items: center; gap: .45rem; padding: .15rem .6rem; border-radius: 99px; background: var(--raised); font-size: .85rem; }
.dot { width: .55rem; height: .55rem; border-radius: 50%; background: var(--warn); }
.state[data-state=live] .dot { background: var(--accent); }
.state[data-state=paused] .dot { background: var(--run); border-radius: 1px; }
.state[data-state=stopped] .dot { background: var(--bad); }
.figures { display: flex; gap: 1rem; margin-left: auto; color: var(--muted); font-size: .85rem; font-variant-numeric: tabular-nums; }
.figures b { color: var(--text); }
button { font: inherit; padding: .35rem .8rem; color: inherit; background: var(--raised); border: 1px solid var(--line); border-radius: 7px; cursor: pointer; }
button:hover { border-color: var(--muted); }
:focus-visible { outline: 2px solid var(--run); outline-offset: 1px; }
form { display: flex; gap: .5rem; margin-top: .6rem; }
input { flex: 1; min-width: 0; font: .85rem var(--mono); padding: .45rem .7rem; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: 7px; }
.problem { margin: .5rem 0 0; color: var(--bad); }
main { padding: .75rem 1rem 3rem; }
ol { list-style: none; margin: 0; padding: 0; }
li { border: 1px solid var(--line); border-top-width: 0; background: var(--card); content-visibility: auto; contain-intrinsic-size: auto 2.2rem; }
li:first-child { border-top-width: 1px; border-radius: 9px 9px 0 0; }
li:last-child { border-radius: 0 0 9px 9px; }
li[data-state=running] { box-shadow: inset 3px 0 var(--run); }
li[data-state=error] { box-shadow: inset 3px 0 var(--bad); }
li[data-state=warn], li[data-state=lost] { box-shadow: inset 3px 0 var(--warn); }
.row { display: grid; grid-template-columns: 7.2rem 5.2rem minmax(5rem, 9rem) minmax(0, 1fr) 5.5rem; gap: 0 .8rem; align-items: baseline;
  width: 100%; padding: .4rem .8rem; text-align: left; background: none; border: 0; border-radius: 0; }
.row:hover { background: var(--raised); }
.time, .took { font: .8rem var(--mono); color: var(--muted); font-variant-numeric: tabular-nums; white-space: nowrap; }
.took { text-align: right; }
.mark { font-size: .8rem; white-space: nowrap; color: var(--muted); }
[data-state=running] .mark, [data-state=running] .took { color: var(--run); }
[data-state=ok] .mark { color: var(--accent); }
[data-state=error] .mark { color: var(--bad); }
[data-state=warn] .mark, [data-state=lost] .mark { color: var(--warn); }
.service { color: var(--muted); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.what { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.name { font-weight: 600; }
.summary { color: var(--muted); margin-left: .5rem; }
.detail { margin: 0; padding: .6rem .8rem .8rem; border-top: 1px dashed var(--line); overflow-x: auto; font: .8rem/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.note { padding: .4rem .8rem; color: var(--warn); background: var(--raised); font-size: .85rem; }
.empty { max-width: 44rem; margin: 12vh auto 0; padding: 0 1rem; }
.empty h2 { margin: 0 0 .25rem; font-size: 1.25rem; }
.empty p { margin: 0; color: var(--muted); }
.empty pre { padding: .8rem 1rem; overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 9px; font: .8rem/1.6 var(--mono); }
[hidden] { display: none !important; }
@media (max-width: 46rem) {
  header, main { padding-left: .6rem; padding-right: .6rem; }
  .figures { order: 3; width: 100%; margin: 0; }
  #pause { margin-left: auto; }
  .row { grid-template-columns: auto minmax(0, 1fr) auto; gap: .1rem .6rem; }
  .what { grid-column: 1 / -1; grid-row: 2; white-space: normal; }
  .service { grid-column: 2; grid-row: 1; }
  .mark { grid-column: 1; grid-row: 1; }
  .took { grid-column: 3; grid-row: 1; }
  .time { grid-column: 1 / -1; grid-row: 3; }
}
@media (prefers-reduced-motion: no-preference) {
  .state[data-state=live] .dot { animation: breathe 2.4s ease-in-out infinite; }
  @keyframes breathe { 50% { opacity: .45; } }
}
`;
