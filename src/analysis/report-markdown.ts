import type { Block, Inline, Page } from './report-model.ts';
import { escapeMarkdown, fenced, markdownTable, plain } from './tables/table.ts';

/** The page as Markdown, figures and tables beside it by relative path. */
export function markdownPage({ title, lead, sections }: Page): string {
  const parts = [
    `# ${plain(title)}`,
    ...lead.map(blockText),
    ...sections.flatMap(({ heading, blocks }) => [`## ${plain(heading)}`, ...blocks.map(blockText)]),
  ];
  return `${parts.join('\n\n')}\n`;
}

function blockText(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return inlineText(block.content);
    case 'lead':
      return `**${plain(block.label)}.** ${block.lines.map(plain).join('\n')}`;
    case 'note':
      return `> **Note.** ${plain(block.text)}`;
    case 'list':
      return block.items.map((item) => `- ${inlineText(item)}`).join('\n');
    case 'code':
      return fenced(block.text);
    case 'table':
      return markdownTable(block.cells);
    case 'figure':
      return `![${plain(block.figure.title)}](${block.file})\n\n${plain(block.figure.caption)} Data: [${block.data}](${block.data}).`;
  }
}

function inlineText(content: readonly Inline[]): string {
  return content
    .map((part) => {
      if (typeof part === 'string') return escapeMarkdown(part);
      return 'code' in part ? `\`${part.code}\`` : `[${part.file}](${part.file})`;
    })
    .join('')
    .trim();
}
