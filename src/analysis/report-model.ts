import type { Figure } from './figures/figure.ts';
import type { Cells } from './tables/table.ts';

// What a page says, apart from how it is written: Markdown and HTML are made of the same blocks.

/** Text is never markup, whoever wrote it. */
export type Inline = string | { readonly code: string } | { readonly file: string };

export type Block =
  | { readonly kind: 'paragraph'; readonly content: readonly Inline[] }
  | { readonly kind: 'lead'; readonly label: string; readonly lines: readonly string[] }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly (readonly Inline[])[] }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'table'; readonly name: string; readonly cells: Cells }
  | { readonly kind: 'figure'; readonly file: string; readonly figure: Figure; readonly data: string };

export interface Section {
  readonly heading: string;
  readonly blocks: readonly Block[];
}

export interface Page {
  readonly title: string;
  readonly lead: readonly Block[];
  readonly sections: readonly Section[];
}

export const paragraph = (...content: readonly Inline[]): Block => ({ kind: 'paragraph', content });

/** The figure with the table of its points, or words where there is nothing to draw. */
export function figureOr(figure: Figure | null, file: string, data: string, without: string): Block {
  return figure === null ? paragraph(without) : { kind: 'figure', file, figure, data };
}

/** Every figure of a page, by file. */
export function figuresOf({ lead, sections }: Page): ReadonlyMap<string, Figure> {
  const blocks = [...lead, ...sections.flatMap((s) => s.blocks)];
  return new Map(blocks.flatMap((b) => (b.kind === 'figure' ? [[b.file, b.figure] as const] : [])));
}
