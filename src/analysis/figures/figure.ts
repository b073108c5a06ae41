import { element, escapeXml, ink, short, shortened, text, wrapped } from './svg.ts';

/** A drawing that stands alone as a file or inside a page. */
export interface Figure {
  /** What it is a picture of, in a few words. */
  readonly title: string;
  /** How to read it, with every n. */
  readonly caption: string;
  /** Of the drawing, px. */
  readonly width: number;
  readonly height: number;
  /** Markup, from (0, 0). */
  readonly body: string;
}

const titleHeight = 36;
const captionLine = 16;

/** A whole document, light so that it prints, with title and caption: no script, no style sheet, nothing fetched. */
export function standaloneSvg(figure: Figure, experiment: string): string {
  const { width, height, body, caption, title } = figure;
  const rows = wrapped(caption, width - 24);
  const total = titleHeight + height + rows.length * captionLine + 18;
  const captionTop = titleHeight + height + 18;
  const root = element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${short(width)} ${short(total)}`,
      width,
      height: total,
      role: 'img',
      ...font,
    },
    element('title', {}, escapeXml(`${experiment}: ${title}`)),
    element('desc', {}, escapeXml(caption)),
    element('rect', { width, height: total, fill: ink.ground }),
    text(`${title} — ${shortened(experiment, 100 - title.length)}`, 12, 24, { 'font-size': 15, 'font-weight': 600 }),
    element('g', { transform: `translate(0 ${titleHeight})` }, body),
    ...rows.map((row, i) => text(row, 12, captionTop + i * captionLine, { fill: ink.muted })),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}\n`;
}

/** The drawing alone, for a page that writes title and caption itself and colors it by its own scheme. */
export function inlineSvg({ title, width, height, body }: Figure): string {
  const viewBox = `0 0 ${short(width)} ${short(height)}`;
  return element('svg', { viewBox, width, height, role: 'img', 'aria-label': title, ...font }, body);
}

const font = {
  'font-family': "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif",
  'font-size': 12,
  fill: ink.text,
} as const;
