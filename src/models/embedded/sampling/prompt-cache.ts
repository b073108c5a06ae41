import type { Logits } from './decoder.ts';

/** Whose slot holds which prompt: siblings read it once, and find it even after the first of them has ended. */
export interface PromptCache {
  /** The logits after the prompt are there once it was read. */
  of(key: string): { readonly slot: number; readonly logits: Logits | null } | undefined;
  /** The prompt is about to be read into a slot. */
  announce(key: string, slot: number): void;
  /** It was read, and this follows. */
  keep(key: string, slot: number, logits: Logits): void;
  /** The slot gets another prompt. */
  forget(slot: number): void;
}

export function createPromptCache(): PromptCache {
  const byKey = new Map<string, { readonly slot: number; logits: Logits | null }>();
  return {
    of: (key) => byKey.get(key),
    announce: (key, slot) => void byKey.set(key, { slot, logits: null }),
    keep(key, slot, logits) {
      const found = byKey.get(key);
      if (found?.slot === slot) found.logits = logits;
    },
    forget(slot) {
      for (const [key, cached] of byKey) if (cached.slot === slot) byKey.delete(key);
    },
  };
}
