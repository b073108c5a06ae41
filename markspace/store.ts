import type { Mark, NewMark } from './mark.ts';

/**
 * Where marks live. Appending is acknowledged when the mark survives a killed
 * process. A second append with a known id is the first one (idempotent).
 * @see tests/conformance/mark-store.suite.ts
 */
export interface MarkStore extends AsyncDisposable {
  readonly capabilities: { readonly durable: boolean };
  append(mark: NewMark): Promise<Mark>;
  /** Marks of one scope in order; subscopes not included. */
  inScope(scope: string): readonly Mark[];
  get(id: string): Mark | null;
  readonly size: number;
}
