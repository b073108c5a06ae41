import type { ChatMessage } from '../../core/chat.ts';
import type { Ask, Toolbox } from './toolbox.ts';

/** All that the mutator knows: it keeps nothing between calls. */
export interface Conversation {
  /** Every earlier ask, as `askKey` spells it. */
  readonly asked: ReadonlySet<string>;
  /** Names by directory. Directories end in `/`. */
  readonly listings: ReadonlyMap<string, readonly string[]>;
  /** Files as they are now: as viewed, with the edits made since. */
  readonly files: ReadonlyMap<string, string>;
  /** What was said with each edit that went through. */
  readonly edits: readonly string[];
  readonly failedEdits: number;
  /** How many answers were given so far. */
  readonly turns: number;
}

export function askKey(ask: Ask): string {
  return `${ask.want} ${ask.path}`;
}

export function readConversation(messages: readonly ChatMessage[], toolbox: Toolbox): Conversation {
  const results = new Map(messages.flatMap((m) => (m.role === 'tool' ? [[m.tool_call_id, m.content] as const] : [])));
  const asked = new Set<string>();
  const listings = new Map<string, readonly string[]>();
  const files = new Map<string, string>();
  const edits: string[] = [];
  let failedEdits = 0;
  const answers = messages.filter((m) => m.role === 'assistant');
  for (const answer of answers) {
    for (const call of answer.tool_calls ?? []) {
      const ask = toolbox.fromCall(call.function);
      if (ask === null) continue;
      asked.add(askKey(ask));
      const result = results.get(call.id);
      const isFailed = result === undefined || /^\s*error\b/i.test(result);
      if (ask.want === 'list' && !isFailed) listings.set(ask.path, namesIn(result));
      if (ask.want === 'view' && !isFailed) keepText(files, ask.path, result);
      if (ask.want !== 'create' && ask.want !== 'replace') continue;
      if (isFailed) failedEdits += 1;
      else {
        edits.push(answer.content ?? ask.path);
        files.set(ask.path, edited(files.get(ask.path), ask));
      }
    }
  }
  return { asked, listings, files, edits, failedEdits, turns: answers.length };
}

function edited(before: string | undefined, ask: Extract<Ask, { want: 'create' | 'replace' }>): string {
  return ask.want === 'create' ? ask.content : (before ?? '').split(ask.old).join(ask.new);
}

function namesIn(listing: string): string[] {
  return listing.split('\n').filter((line) => /^[\w.-]+\/?$/.test(line));
}

/** Takes a whole file out of a view; a view that was cut short is not kept. */
function keepText(files: Map<string, string>, path: string, view: string): void {
  if (/^\[cut: \d+ more characters\]$/m.test(view)) return;
  const lines = view.replace(/\n$/, '').split('\n');
  const numbered = lines.map((line) => /^ *(\d+)\t(.*)$/.exec(line));
  const isNumbered = numbered.every((match, i) => match !== null && Number(match[1]) === i + 1);
  files.set(path, `${(isNumbered ? numbered.map((match) => match![2]!) : lines).join('\n')}\n`);
}
