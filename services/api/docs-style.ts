/** The style of the page at `/docs`, in one piece: the page's policy allows exactly these bytes. */
export const docsStyle = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1c2430, #dfe4ea);
  --soft: light-dark(#5b6675, #97a3b2);
  --line: light-dark(#e2e6eb, #2b333d);
  --page: light-dark(#ffffff, #12161b);
  --panel: light-dark(#f6f7f9, #181d24);
  --code: light-dark(#eef1f4, #222932);
  --accent: light-dark(#0b6b50, #54c9a4);
  --get: light-dark(#0b6b50, #54c9a4);
  --post: light-dark(#3d4fc4, #93a2ff);
  --bad: light-dark(#a8331f, #f08a76);
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
}
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: .86em; }
code { background: var(--code); border-radius: 4px; padding: .1em .35em; overflow-wrap: anywhere; }
pre {
  margin: .4rem 0 0; padding: .8rem 1rem; background: var(--panel); border: 1px solid var(--line);
  border-radius: 8px; overflow: auto; max-height: 30rem; line-height: 1.5;
}
pre code { background: none; padding: 0; font-size: inherit; white-space: pre-wrap; }
h1, h2, h3, h4 { line-height: 1.25; }
h1 { font-size: 2rem; margin: 0 0 .2rem; }
h2 { font-size: 1.4rem; margin: 0 0 .6rem; }
main p + h2, main pre + h2, main dl + h2 { margin-top: 2.2rem; }
h3 { font-size: 1.12rem; margin: 0; }
h4 { font-size: .78rem; margin: 1.3rem 0 .3rem; color: var(--soft); text-transform: uppercase; letter-spacing: .05em; }
p { margin: .5rem 0; max-width: 44rem; }
small { color: var(--soft); line-height: 1.4; display: inline-block; }

.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--page); padding: .5rem; z-index: 1; }
nav { padding: 1.2rem 1.2rem 2rem; border-bottom: 1px solid var(--line); background: var(--panel); max-height: 45vh; overflow: auto; }
nav strong { font-size: 1.1rem; }
nav h2 { font-size: .76rem; text-transform: uppercase; letter-spacing: .05em; margin: 1.1rem 0 .25rem; }
nav h2 a { color: var(--soft); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: flex; gap: .5rem; align-items: baseline; padding: .14rem 0; color: var(--text); font-size: .88rem; line-height: 1.35; }
nav li .method { flex: 0 0 2.5rem; }
main { padding: 2rem 1.4rem 6rem; min-width: 0; }
main > section { padding: 2rem 0; border-top: 1px solid var(--line); }
main > section:first-of-type { border-top: 0; padding-top: 0; }
main > section > section { padding: 2rem 0; border-top: 1px dashed var(--line); }
main > section > section:first-of-type { border-top: 0; padding-top: 1rem; }

.method { font: 700 .68rem/1.4 ui-monospace, Menlo, Consolas, monospace; letter-spacing: .03em; color: var(--soft); }
.method.get { color: var(--get); }
.method.post { color: var(--post); }
.line { display: flex; gap: .7rem; align-items: baseline; margin: .45rem 0 .6rem; }
.line code { background: none; padding: 0; font-size: .95rem; }
.line .method { font-size: .8rem; }
.who { color: var(--soft); font-size: .9rem; }
.who b { color: var(--text); font-weight: 600; }

table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .38rem .8rem .38rem 0; border-top: 1px solid var(--line); font-weight: 400; }
tr:first-child > th, tr:first-child > td { border-top: 0; }
.fields th { width: 42%; padding-right: 1.4rem; }
.errors th { width: 18rem; }
.fields code, .errors th code { background: none; padding: 0; font-weight: 600; }
.fields td code, .errors td code { background: var(--code); padding: .1em .35em; font-weight: 400; }
.kind { display: block; color: var(--soft); font-size: .8rem; line-height: 1.4; }
.or { color: var(--soft); margin: .5rem 0 0; font-style: italic; }
.scroll { overflow-x: auto; }
.grants th, .grants td { padding: .3rem .7rem .3rem 0; white-space: nowrap; }
.grants td, .grants thead th:not(:first-child) { text-align: center; width: 6rem; }
.grants thead th { font-weight: 600; border-top: 0; }
.grants .group th { color: var(--soft); font-size: .78rem; text-transform: uppercase; letter-spacing: .05em; padding-top: 1rem; }
.yes { color: var(--accent); font-weight: 700; }
.no { color: var(--line); }
.errors td:first-child, .errors .status { color: var(--bad); white-space: nowrap; }
.refusals { list-style: none; margin: 0; padding: 0; font-size: .9rem; }
.refusals li { padding: .12rem 0; display: flex; gap: .6rem; }
.refusals b { flex: none; font-weight: 600; color: var(--bad); }
.refusals a { margin-right: .7rem; white-space: nowrap; }
.notes { display: grid; grid-template-columns: 8rem 1fr; gap: .4rem 1.2rem; margin: .6rem 0; max-width: 54rem; }
.notes dt { font-weight: 600; }
.notes dd { margin: 0; }
details > summary { cursor: pointer; color: var(--accent); font-size: .9rem; margin-top: .7rem; }

@media (max-width: 40rem) { .notes { grid-template-columns: 1fr; gap: .1rem; } .notes dd { margin-bottom: .6rem; } }
@media (min-width: 60rem) {
  body { display: grid; grid-template-columns: 18rem minmax(0, 1fr); }
  nav { position: sticky; top: 0; height: 100vh; max-height: none; border-bottom: 0; border-right: 1px solid var(--line); }
  main { padding: 2.5rem 3rem 8rem; max-width: 84rem; }
}
@media (min-width: 80rem) {
  .route { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 30rem); gap: 0 2.5rem; align-items: start; }
  .route > .samples { position: sticky; top: 1rem; }
  .samples pre { max-height: 42vh; }
}
@media print { nav { display: none; } pre { max-height: none; } }
`;
