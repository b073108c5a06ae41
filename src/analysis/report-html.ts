import { inlineSvg } from './figures/figure.ts';
import { element, escapeXml } from './figures/svg.ts';
import type { Block, Inline, Page, Section } from './report-model.ts';
import { reportStyle } from './report-style.ts';
import type { Cells } from './tables/table.ts';

/**
 * The page as one HTML file: style and figures inside, no script, nothing
 * fetched, and a policy that forbids both. Text from outside is only ever text.
 */
export function htmlPage({ title, lead, sections }: Page): string {
  const head = [
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`,
    `<title>${escapeXml(title)} — Galapagos report</title>`,
    `<style>${reportStyle}</style>`,
  ];
  const body = [
    '<a class="skip" href="#main">Skip to the report</a>',
    `<header><p class="kind">Galapagos report</p><h1>${escapeXml(title)}</h1></header>`,
    `<nav aria-label="Sections"><ul>${sections.map(entry).join('')}</ul></nav>`,
    `<main id="main">\n${lead.map(blockMarkup).join('\n')}\n${sections.map(sectionMarkup).join('\n')}\n</main>`,
  ];
  return `<!doctype html>\n<html lang="en">\n<head>\n${head.join('\n')}\n</head>\n<body>\n${body.join('\n')}\n</body>\n</html>\n`;
}

const entry = ({ heading }: Section) => `<li><a href="#${idOf(heading)}">${escapeXml(heading)}</a></li>`;

function sectionMarkup({ heading, blocks }: Section): string {
  const id = idOf(heading);
  return `<section aria-labelledby="${id}">\n<h2 id="${id}">${escapeXml(heading)}</h2>\n${blocks.map(blockMarkup).join('\n')}\n</section>`;
}

function blockMarkup(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p>${inlineMarkup(block.content)}</p>`;
    case 'lead':
      return `<div class="lead"><h2>${escapeXml(block.label)}</h2>${block.lines.map((line) => `<p>${escapeXml(line)}</p>`).join('')}</div>`;
    case 'note':
      return `<p class="note"><strong>Note.</strong> ${escapeXml(block.text)}</p>`;
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${inlineMarkup(item)}</li>`).join('')}</ul>`;
    case 'code':
      return `<pre tabindex="0"><code>${escapeXml(block.text)}</code></pre>`;
    case 'table':
      return scrolling(`Table: ${block.name}`, tableMarkup(block.name, block.cells));
    case 'figure':
      return [
        '<figure>',
        scrolling(`Figure: ${block.figure.title}`, inlineSvg(block.figure)),
        `<figcaption><strong>${escapeXml(block.figure.title)}.</strong> ${escapeXml(block.figure.caption)} Files: ${fileLink(block.file)}, ${fileLink(block.data)}.</figcaption>`,
        '</figure>',
      ].join('\n');
  }
}

/** Wide things scroll by themselves, with the keyboard too. */
function scrolling(label: string, markup: string): string {
  return `${element('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': label }, markup)}`;
}

/** Numbers up to this length are not torn apart; several in one cell are. */
const longestKept = 16;

function tableMarkup(name: string, { titles, isNumeric, rows }: Cells): string {
  const kind = (i: number, cell = '') => {
    if (isNumeric[i] !== true) return '';
    return cell !== '' && cell.length <= longestKept ? ' class="n k"' : ' class="n"';
  };
  const head = titles.map((title, i) => `<th scope="col"${kind(i)}>${escapeXml(title)}</th>`).join('');
  const body = rows.map(
    (row) => `<tr>${row.map((cell, i) => `<td${kind(i, cell)}>${cellText(cell)}</td>`).join('')}</tr>`,
  );
  return `<table><caption>${escapeXml(name)}</caption><thead><tr>${head}</tr></thead>\n<tbody>${body.join('\n')}</tbody></table>`;
}

/** A seed and its value stay on one line. */
function cellText(cell: string): string {
  return escapeXml(cell).replace(/(?<![\d.])(\d+): /g, '$1:\u00a0');
}

function inlineMarkup(content: readonly Inline[]): string {
  return content
    .map((part) => {
      if (typeof part === 'string') return escapeXml(part);
      return 'code' in part ? `<code>${escapeXml(part.code)}</code>` : fileLink(part.file);
    })
    .join('');
}

function fileLink(file: string): string {
  return `<a href="${encodeURIComponent(file)}">${escapeXml(file)}</a>`;
}

function idOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
