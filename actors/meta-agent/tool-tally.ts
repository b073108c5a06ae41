import type { ToolOutcomes } from '../../src/core/records.ts';
import type { ToolStep } from '../sandbox-access.ts';

/** What became of the tool calls of one sitting, as it passed the gateway. */
export interface ToolTally {
  readonly see: (step: ToolStep) => void;
  /** By the tool's name; the most asked for, at most 32. */
  outcomes(): ToolOutcomes;
}

const mostTools = 32;

/**
 * Counts a model's tool calls and what its genome said to each. The calls are
 * the model's own answers; what a genome says is what it sends the model
 * next. A genome resends a conversation with every request: an answer counts
 * once. One that was sent in another form than the protocol's counts as none.
 */
export function createToolTally(): ToolTally {
  const counts = new Map<string, { asked: number; answered: number; refused: number }>();
  /** Names of the calls by their id, in order: a model may use an id again. */
  const asked = new Map<string, string[]>();
  const answered = new Map<string, number>();
  return {
    see(step) {
      if ('calls' in step) {
        for (const { id, name } of step.calls) {
          asked.set(id, [...(asked.get(id) ?? []), name]);
          const count = counts.get(name) ?? { asked: 0, answered: 0, refused: 0 };
          counts.set(name, { ...count, asked: count.asked + 1 });
        }
        return;
      }
      const seen = new Map<string, number>();
      for (const { id, text } of step.results) {
        const at = seen.get(id) ?? 0;
        seen.set(id, at + 1);
        const name = asked.get(id)?.[at];
        if (name === undefined || at < (answered.get(id) ?? 0)) continue;
        answered.set(id, at + 1);
        const count = counts.get(name)!;
        const refused = count.refused + (isRefusal(text) ? 1 : 0);
        counts.set(name, { ...count, answered: count.answered + 1, refused });
      }
    },
    outcomes() {
      const most = [...counts].sort(([a, m], [b, n]) => n.asked - m.asked || (a < b ? -1 : 1)).slice(0, mostTools);
      return Object.fromEntries(most);
    },
  };
}

/** What the system says when it is in the way: no word of the genome's. */
const ofTheSystem =
  /\b(?:permission denied|operation not permitted|read-only file system|network is unreachable|connection refused)\b/gi;
const refusing =
  /\b(?:block(?:ed|s)|disabled|denied|forbidden|refus(?:ed|es|al|ing)|prohibited|disallowed|restricted|off[ -]limits|unavailable|(?:not|no longer) (?:allowed|permitted|available|enabled|supported)|must not be used|no (?:such )?tool|unknown tool)\b(?!\.\w)/i;
const longestRefusal = 300;

/** Whether a tool's answer says that it was not used: a short one whose first line refuses, in words other than the system's. */
export function isRefusal(text: string): boolean {
  const said = text.trim();
  if (said.length > longestRefusal) return false;
  return refusing.test(said.split('\n', 1)[0]!.replace(ofTheSystem, ''));
}
