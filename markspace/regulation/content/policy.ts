import type { Json } from '../../../src/core/json.ts';
import type { Check } from '../../check.ts';
import { isPlain } from '../../plain.ts';
import { admitted, refused } from '../../writing/verdict.ts';

/** What a policy looks at. Frozen, and a copy: a policy changes content by what it returns, and nothing else at all. */
export interface ContentSubject {
  readonly agent: string;
  readonly scope: string;
  readonly topic: string | null;
  readonly content: Json;
}

export type ContentRuling =
  | { readonly ruling: 'allow' }
  /** The next policy sees this content, and so does every reader. */
  | { readonly ruling: 'rewrite'; readonly content: Json; readonly flags?: readonly string[] }
  /** Lets it pass with words that travel with the mark, such as `untrusted`. */
  | { readonly ruling: 'flag'; readonly flags: readonly string[] }
  /** Nothing is stored. The message is for the agent: what was wrong, and what it could do instead. */
  | { readonly ruling: 'reject'; readonly message: string };

export interface ContentPolicy {
  readonly kind: 'content-policy';
  /** Named in a refusal. */
  readonly name: string;
  /** Pure: the same subject, the same ruling. A policy that throws refuses. */
  judge(subject: ContentSubject): ContentRuling;
}

/** Declares a rule about what observations may say. */
export function defineContentPolicy(policy: Omit<ContentPolicy, 'kind'>): ContentPolicy {
  return { kind: 'content-policy', ...policy };
}

export const allowed: ContentRuling = Object.freeze({ ruling: 'allow' });
export const rejected = (message: string): ContentRuling => ({ ruling: 'reject', message });

/**
 * Policies one after another: what one rewrites, the next one sees; the first
 * rejection ends it; flags add up. Observations only, and of those the content only.
 */
export function createContentCheck(policies: readonly ContentPolicy[]): Check {
  return {
    name: 'content',
    judge({ agent, scope, draft }) {
      if (draft.kind !== 'observation' || policies.length === 0) return admitted(draft);
      let content = frozen(draft.fields.content ?? null);
      let isRewritten = false;
      const flags = new Set<string>();
      for (const policy of policies) {
        const ruling = policy.judge(Object.freeze({ agent, scope, topic: draft.topic, content }));
        if (ruling.ruling === 'reject') return refused('content', policy.name, ruling.message);
        if (ruling.ruling === 'rewrite') {
          content = frozen(ruling.content);
          isRewritten = true;
        }
        for (const flag of ('flags' in ruling && ruling.flags) || []) flags.add(flag);
      }
      const after = isRewritten ? { ...draft, fields: { ...draft.fields, content } } : draft;
      return admitted(after, [...flags]);
    },
  };
}

/** A frozen copy. Content that is no JSON cannot be copied so, and throws: the check refuses. */
function frozen(content: Json): Json {
  if (content === null || typeof content !== 'object' || isPlain(content)) return content;
  return JSON.parse(JSON.stringify(content), (_, value) => Object.freeze(value)) as Json;
}
