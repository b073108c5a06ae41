/** Ink and surfaces of every figure: light, so that it prints. */
export const ink = {
  text: '#161B21',
  muted: '#545E69',
  line: '#D5DBE1',
  ground: '#FFFFFF',
  /** Behind what has no place on an axis. */
  band: '#F4F6F8',
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

/**
 * Text and attribute values of XML and HTML: nothing in it is markup.
 * Characters that XML 1.0 forbids become U+FFFD; those that are not seen or
 * turn the direction of what follows are written out, so that they deceive nobody.
 */
export function escapeXml(content: string): string {
  return content
    .replace(/[\p{Cf}\u007f-\u009f\u2028\u2029]/gu, (c) => `⟨U+${hex(c)}⟩`)
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, '\ufffd')
    .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function hex(character: string): string {
  return character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
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

/** Lines of at most `width` px, by the mean width of running text. A word longer than a line keeps its line. */
export function wrapped(content: string, width: number): string[] {
  const most = width / 6.3;
  const lines: string[] = [];
  for (const word of content.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && [...`${last} ${word}`].length <= most) lines[lines.length - 1] = `${last} ${word}`;
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
