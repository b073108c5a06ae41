/** One line of a run's journal: something that happened, written before its effects are visible to others. */
export interface Fact {
  /** 0, 1, 2 … without gaps. */
  readonly seq: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly type: string;
  /** Unique per type; a repeated effect has the same key. */
  readonly key: string;
  readonly body: unknown;
}

/** What actors may do with the journal. Reading it whole is the runtime's business. */
export interface Journal {
  /**
   * Durable execution: returns the recorded body of (type, key) if there is
   * one, and otherwise runs `effect`, records what it returned, and returns
   * that once it is on disk. A crash between effect and record runs `effect`
   * again, so effects must be idempotent under their key. Concurrent calls
   * with one key share one effect.
   * @param effect - Must return plain JSON.
   * @throws whatever `effect` throws; nothing is recorded then.
   */
  once<T>(type: string, key: string, effect: () => Promise<T>): Promise<T>;
  /** Records a fact that needs no answer; a second one with the same type and key is dropped. */
  append(type: string, key: string, body: unknown): Promise<void>;
}

/** A journal key: parts joined by `/`. */
export function factKey(...parts: readonly (string | number)[]): string {
  return parts.join('/');
}
