import { circle, type Marker } from './markers.ts';
import { element, ink, line, short, shortened, text, textWidth } from './svg.ts';
import { type CurveStyle, lineageHue, lineageStyle } from './visual-language.ts';

/** What a sign of a figure means. */
export type LegendEntry =
  | { readonly kind: 'lineage'; readonly name: string; readonly index: number; readonly hasLine: boolean }
  | { readonly kind: 'style'; readonly name: string; readonly style: CurveStyle; readonly hue: string }
  | { readonly kind: 'line'; readonly name: string; readonly strokeWidth: number; readonly dash?: string }
  | { readonly kind: 'mark'; readonly name: string; readonly marker: Marker; readonly isFilled: boolean }
  | { readonly kind: 'last'; readonly name: string };

const rowHeight = 20;
const sample = 30;
const longestName = 28;

/** Entries from left to right in as many rows as they need, from (12, 0). */
export function legend(entries: readonly LegendEntry[], width: number): string[] {
  const places = placesOf(
    entries.map((e) => e.name),
    width,
  );
  return entries.map((entry, i) => {
    const { x, y } = places[i]!;
    const name = text(shortened(entry.name, longestName), x + sample + 6, y + 4, { class: 'legend' });
    return `${sign(entry, x, y)}${name}`;
  });
}

export function legendHeight(names: readonly string[], width: number): number {
  return 8 + rowHeight * (1 + Math.max(0, ...placesOf(names, width).map((p) => p.row)));
}

function placesOf(names: readonly string[], width: number) {
  let [x, row] = [12, 0];
  return names.map((name) => {
    const needed = sample + 6 + textWidth(shortened(name, longestName)) + 12;
    if (x > 12 && x + needed > width) [x, row] = [12, row + 1];
    const place = { x, y: 10 + row * rowHeight, row };
    x += needed;
    return place;
  });
}

function sign(entry: LegendEntry, x: number, y: number): string {
  const [from, middle, to] = [x, x + sample / 2, x + sample];
  const stroke = (width: number, hue: string, dash?: string) =>
    line(from, y, to, y, { stroke: hue, 'stroke-width': width, 'stroke-dasharray': dash });
  const mark = (marker: Marker, r: number, hue: string, isFilled: boolean) =>
    element('path', {
      d: marker(short(middle), short(y), r),
      fill: isFilled ? hue : ink.ground,
      stroke: hue,
      'stroke-width': 1.2,
    });
  switch (entry.kind) {
    case 'lineage': {
      const [style, hue] = [lineageStyle(entry.index), lineageHue(entry.index)];
      return `${entry.hasLine ? stroke(2.2, hue, style.dash) : ''}${mark(style.marker, 3.4, hue, style.isFilled)}`;
    }
    case 'style':
      return `${stroke(1.8, entry.hue, entry.style.dash)}${mark(entry.style.marker, 3.4, entry.hue, entry.style.isFilled)}`;
    case 'line':
      return stroke(entry.strokeWidth, ink.text, entry.dash);
    case 'mark':
      return mark(entry.marker, 3.6, ink.text, entry.isFilled);
    case 'last':
      return mark(circle, 3.8, ink.muted, false);
  }
}
