/** One element of a parsed document, for tests. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: (XmlElement | string)[];
}

const tag = /^<(\/?)([A-Za-z_][\w.-]*)((?:\s+[A-Za-z_][\w:.-]*="[^"<]*")*)\s*(\/?)>/;
const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * A strict reader of the XML that figures may use: one root, every element
 * closed in order, attributes quoted and unique, numeric or predefined
 * references only, no forbidden character.
 * @throws at the first thing that is not well-formed.
 */
export function parseXml(source: string): XmlElement {
  if (forbidden.test(source)) throw new Error('a character that XML forbids');
  const root: XmlElement = { name: '', attributes: {}, children: [] };
  const open = [root];
  let rest = source.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\s*/, '');
  while (rest.length > 0) {
    const here = open.at(-1)!;
    if (rest.startsWith('<')) {
      const match = tag.exec(rest);
      if (match === null) throw new Error(`not a tag: ${rest.slice(0, 60)}`);
      const [whole, closes, name, attributes, isEmpty] = match;
      if (closes === '/') {
        if (open.pop()!.name !== name) throw new Error(`</${name}> closes nothing`);
      } else {
        const element = { name: name!, attributes: attributesOf(attributes!), children: [] };
        here.children.push(element);
        if (isEmpty === '') open.push(element);
      }
      rest = rest.slice(whole.length);
    } else {
      const end = rest.indexOf('<');
      here.children.push(textOf(end < 0 ? rest : rest.slice(0, end)));
      rest = end < 0 ? '' : rest.slice(end);
    }
  }
  if (open.length !== 1) throw new Error(`<${open.at(-1)!.name}> is never closed`);
  const [only, ...more] = root.children.filter((c) => typeof c !== 'string' || c.trim() !== '');
  if (only === undefined || typeof only === 'string' || more.length > 0) throw new Error('not one root');
  return only;
}

export function elements(root: XmlElement, test: (e: XmlElement) => boolean): XmlElement[] {
  const own = test(root) ? [root] : [];
  return [...own, ...root.children.flatMap((c) => (typeof c === 'string' ? [] : elements(c, test)))];
}

export function textContent(element: XmlElement): string {
  return element.children.map((c) => (typeof c === 'string' ? c : textContent(c))).join('');
}

function attributesOf(source: string): Record<string, string> {
  const pairs = [...source.matchAll(/([\w:.-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, textOf(value!)] as const);
  if (new Set(pairs.map(([key]) => key)).size !== pairs.length) throw new Error(`an attribute twice: ${source}`);
  return Object.fromEntries(pairs);
}

function textOf(source: string): string {
  if (source.includes(']]>')) throw new Error(']]> in text');
  return source.replace(/&(?:#(\d+);|(amp|lt|gt|quot|apos);)?/g, (whole, code?: string, name?: string) => {
    if (code !== undefined) return String.fromCodePoint(Number(code));
    if (name === undefined) throw new Error(`a bare & in ${JSON.stringify(source)}: ${whole}`);
    return { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }[name]!;
  });
}
