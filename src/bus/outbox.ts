/** Messages held back at most; more are sent at once. */
const maxHeld = 256;

/**
 * Holds messages back until the publisher's microtasks are through, so that a
 * loop of awaited publishes becomes a few large writes instead of one system
 * call a message.
 */
export class Outbox {
  readonly #send: (subject: string, bytes: Uint8Array) => void;
  readonly #canSend: () => boolean;
  #held: [subject: string, bytes: Uint8Array][] = [];

  constructor(send: (subject: string, bytes: Uint8Array) => void, canSend: () => boolean) {
    this.#send = send;
    this.#canSend = canSend;
  }

  post(subject: string, bytes: Uint8Array): void {
    this.#held.push([subject, bytes]);
    if (this.#held.length === 1) process.nextTick(() => this.flush());
    if (this.#held.length >= maxHeld) this.flush();
  }

  /** Sends what is held; whatever is sent next comes after it. Does nothing while the server is away. */
  flush(): void {
    if (this.#held.length === 0 || !this.#canSend()) return;
    const held = this.#held;
    this.#held = [];
    for (const [subject, bytes] of held) this.#send(subject, bytes);
  }
}
