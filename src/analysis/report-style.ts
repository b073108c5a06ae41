import { darkColors } from './figures/visual-language.ts';

/** Figures are drawn in light colors; on a dark screen each has its counterpart, and on paper none. */
const darkFigures = Object.entries(darkColors)
  .map(
    ([light, dark]) =>
      `svg [fill="${light}"],svg[fill="${light}"]{fill:${dark}}svg [stroke="${light}"]{stroke:${dark}}`,
  )
  .join('');

/** The style sheet of a report page. */
export const reportStyle = `
:root{--ground:#FFFFFF;--raised:#F4F6F8;--line:#D5DBE1;--ink:#161B21;--muted:#545E69;--link:#1B479F;--note:#F8EAD0;--note-ink:#6A4200}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0 auto;padding:1.5rem 1rem 4rem;max-width:62rem;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 1rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.5rem 0 .75rem}
p,li{max-width:46rem;overflow-wrap:anywhere}
a{color:var(--link)}
a:focus-visible,.scroll:focus-visible,pre:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.kind{margin:0;color:var(--muted);font-size:.85rem}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--ground);padding:.25rem .5rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;margin:0 0 1.5rem;padding:.5rem 0;border-block:1px solid var(--line);font-size:.9rem}
.lead h2{margin:1rem 0 .25rem;font-size:1rem}.lead p{margin:.15rem 0}
.note{background:var(--note);color:var(--note-ink);padding:.5rem .75rem;border-left:4px solid currentColor;margin:.75rem 0}
.scroll{overflow-x:auto}
figure{margin:1rem 0 1.5rem}
figure svg{display:block;max-width:100%;min-width:36rem;height:auto}
figcaption{color:var(--muted);font-size:.87rem;max-width:52rem;margin-top:.5rem;overflow-wrap:anywhere}
figcaption strong{color:var(--ink)}
table{border-collapse:collapse;font-size:.87rem;line-height:1.35}
caption{text-align:left;color:var(--muted);padding:.25rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line);max-width:24rem}
th{background:var(--raised);vertical-align:bottom}
td:not(.n){overflow-wrap:break-word}
.n{text-align:right}
.k{white-space:nowrap}
pre{background:var(--raised);padding:.75rem;overflow-x:auto;border:1px solid var(--line)}
code{font:.87em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
@media screen and (prefers-color-scheme:dark){
:root{--ground:#0F1419;--raised:#171D24;--line:#313A44;--ink:#E8ECF1;--muted:#A2ACB7;--link:#A6C6FF;--note:#36270B;--note-ink:#F5CB80}
${darkFigures}
}
@media print{
body{max-width:none;padding:0;font-size:10pt}
nav,.skip{display:none}
.scroll{overflow:visible}
figure svg{min-width:0;max-height:19cm;width:auto}
figure,tr,pre{break-inside:avoid}
h2{break-after:avoid}
thead{display:table-header-group}
table{font-size:7.5pt}
th,td{padding:1.5pt 3pt;max-width:none}
tbody tr:first-child{break-before:avoid}
.k{white-space:normal}
a{color:inherit;text-decoration:none}
}
`;
