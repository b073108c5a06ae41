/** How long a program may take to start. */
const startMs = 200;

/**
 * Who opens a sandbox ahead lets commands start first: opening one keeps processors busy, for milliseconds or (a
 * container) tenths of a second, and what starts meanwhile takes up to half as long again.
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
    // Opening takes milliseconds of this thread too: the command's own caller comes first.
    for (const goOn of this.#waiting) setImmediate(goOn);
  }

  /** Resolves when no command is starting, or after as long as a program may take to start. Keeps no program running. */
  async letStart(): Promise<void> {
    if (this.#starting.size === 0) return;
    await new Promise<void>((resolve) => {
      const goOn = () => {
        clearTimeout(late);
        this.#waiting.delete(goOn);
        resolve();
      };
      const late = setTimeout(goOn, startMs).unref();
      this.#waiting.add(goOn);
    });
  }
}
