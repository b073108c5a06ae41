import { deadline } from '../../src/core/abort.ts';

/** How long a program may take to start. */
const startMs = 200;

/**
 * Who makes a container lets commands start first: making one keeps the processors of the engine's machine busy for
 * tenths of a second, and what starts meanwhile takes half as long again.
 */
export class StartingCommands {
  readonly #starting = new Map<object, NodeJS.Timeout>();
  readonly #waiting = new Set<() => void>();

  /** Says that a sandbox starts a command, or is about to. */
  begin(sandbox: object): void {
    clearTimeout(this.#starting.get(sandbox));
    this.#starting.set(sandbox, setTimeout(() => this.end(sandbox), startMs).unref());
  }

  end(sandbox: object): void {
    clearTimeout(this.#starting.get(sandbox));
    this.#starting.delete(sandbox);
    if (this.#starting.size > 0) return;
    // Making one takes milliseconds of this thread too: the command's own caller comes first.
    for (const goOn of this.#waiting) setImmediate(goOn);
  }

  /** @returns when no command is starting, when `signal` aborts, or after as long as a program may take to start. */
  async letStart(signal: AbortSignal): Promise<void> {
    if (this.#starting.size === 0) return;
    using late = deadline(signal, startMs);
    await new Promise<void>((resolve) => {
      const goOn = () => {
        this.#waiting.delete(goOn);
        resolve();
      };
      this.#waiting.add(goOn);
      late.signal.addEventListener('abort', goOn, { once: true });
    });
  }
}
