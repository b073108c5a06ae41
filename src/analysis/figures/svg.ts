/** Ink and surfaces of every figure: light, so that it prints. */
export const ink = {
  text: '#161B21',
  muted: '#545E69',
  line: '#D5DBE1',
  ground: '#FFFFFF',
} as const;

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One element. Attribute values are escaped; children must be markup already: wrap text in {@link escapeXml}. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? short(value) : escapeXml(value!)}"`)
    .join('');
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join('')}</${name}>`;
}

export function text(content: string, x: number, y: number, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeXml(content));
}

export function line(x1: number, y1: number, x2: number, y2: number, attributes: Attributes): string {
  return element('line', { x1, y1, x2, y2, ...attributes });
}

export interface FigureFrame {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** What the figure shows, for readers who cannot see it. */
  readonly description: string;
}

/** A whole document: no script, no style sheet, nothing fetched. */
export function svgDocument(frame: FigureFrame, ...body: readonly string[]): string {
  const { width, height } = frame;
  const root = element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${short(width)} ${short(height)}`,
      width,
      height,
      role: 'img',
      'font-family': "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif",
      'font-size': 12,
      fill: ink.text,
    },
    element('title', {}, escapeXml(frame.title)),
    element('desc', {}, escapeXml(frame.description)),
    element('rect', { width, height, fill: ink.ground }),
    ...body,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}\n`;
}

/** Text and attribute values; characters that XML 1.0 forbids become U+FFFD. */
export function escapeXml(content: string): string {
  return content
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, '\ufffd')
    .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** A coordinate to a tenth of a pixel, as short as it gets. */
export function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Estimated width in px of 12 px text: no font is measured, so on the wide side. */
export function textWidth(content: string): number {
  return [...content].length * 7;
}

/** The same for text in weight 600. */
export function boldWidth(content: string): number {
  return [...content].length * 8;
}

export function figureTitle(content: string, experiment: string): string {
  return text(`${content} — ${shortened(experiment, 63)}`, 12, 24, { 'font-size': 15, 'font-weight': 600 });
}

/** Lines of at most `width` px. A word longer than a line keeps its line. */
export function wrapped(content: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of content.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && textWidth(`${last} ${word}`) <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** At most `length` characters, the middle left out: ids often differ at their ends. */
export function shortened(content: string, length: number): string {
  const characters = [...content];
  if (characters.length <= length) return content;
  const head = Math.ceil((length - 1) / 2);
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - (length - 1 - head)).join('')}`;
}
