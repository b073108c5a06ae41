import { createInbox, type Msg, nanos, type Subscription } from '@nats-io/transport-node';
import type { Logger } from '../core/log.ts';
import { type NatsDelivery, readDelivery } from './nats-delivery.ts';
import type { NatsLink } from './nats-link.ts';

const expiresMs = 30_000;
const retryMs = 250;

export interface PullOptions {
  /** Where the server takes requests for the queue's next job. */
  readonly subject: string;
  /** Puts the consumer in place; called before the first pull and after every reconnect. */
  readonly prepare: () => Promise<void>;
  /** How many more jobs the worker can take now. */
  readonly freeHands: () => number;
  readonly take: (delivery: NatsDelivery) => void;
}

/**
 * Asks for one job per free hand. Not the client's own `consume`: that
 * fetches ahead, and a job fetched ahead is leased to a worker that does not
 * work on it while another one is idle.
 *
 * I1. Open pulls and jobs in hand never exceed the worker's hands; a job that
 *     comes nevertheless goes back at once.
 * I2. Every pull ends: by a job, by the server's word, or by the watchdog.
 * I3. After `close` no job is taken.
 */
export class NatsPuller {
  readonly #link: NatsLink;
  readonly #options: PullOptions;
  readonly #log: Logger;
  readonly #forgetReconnect: () => void;
  #inbox: { readonly name: string; readonly sub: Subscription } | null = null;
  #open = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #restarting: Promise<void> | null = null;

  constructor(link: NatsLink, options: PullOptions, log: Logger) {
    this.#link = link;
    this.#options = options;
    this.#log = log;
    this.#forgetReconnect = link.onReconnect(() => this.#restart());
  }

  /** Resolves once the first pulls are on their way. */
  async start(): Promise<void> {
    await this.#options.prepare();
    this.#openInbox();
  }

  /** Pulls for every free hand that has no pull open yet. */
  ask(): void {
    if (this.#isClosed || this.#inbox === null || !this.#link.isConnected) return;
    const body = JSON.stringify({ batch: 1, expires: nanos(expiresMs) });
    while (this.#open < this.#options.freeHands()) {
      this.#open += 1;
      this.#link.nc.publish(this.#options.subject, body, { reply: this.#inbox.name });
    }
    this.#watch(expiresMs + 5_000);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#forgetReconnect();
    clearTimeout(this.#timer);
    // Draining lets a job that is already on its way arrive, to be handed back.
    if (this.#inbox !== null) await this.#link.drain(this.#inbox.sub);
  }

  /** No pull goes out until there is a new one: a pull on an inbox about to end would bring a job to nobody. */
  #giveUpInbox(): void {
    const old = this.#inbox;
    this.#inbox = null;
    if (old !== null) void this.#link.drain(old.sub);
  }

  #openInbox(): void {
    if (this.#isClosed) return;
    this.#giveUpInbox();
    const name = createInbox();
    const sub = this.#link.nc.subscribe(name, {
      callback: (error, msg) => {
        if (error === null) this.#receive(msg, name);
      },
    });
    this.#inbox = { name, sub };
    this.#open = 0;
    this.ask();
  }

  /** A job that still comes to an inbox given up is taken like any other: nobody else gets it before its lease ends. */
  #receive(msg: Msg, inbox: string): void {
    const delivery = readDelivery(this.#link.nc, msg);
    const isCurrent = inbox === this.#inbox?.name;
    if (isCurrent && msg.headers?.code !== 100) this.#open -= 1;
    if (delivery !== null) {
      if (this.#isClosed || this.#options.freeHands() < 1) delivery.nak(0);
      else this.#options.take(delivery);
    } else if (!isCurrent || msg.headers?.code === 100) {
      return;
    } else if (msg.headers?.code === 408) {
      this.ask();
    } else {
      this.#log.warn({ code: msg.headers?.code, description: msg.headers?.description }, 'a queue refused a pull');
      this.#watch(retryMs);
    }
  }

  #watch(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#restart(), ms);
  }

  /** Starts over on a new inbox: pulls made before a reconnect are void, and must not be answered twice. */
  #restart(): void {
    if (this.#restarting !== null) return;
    this.#giveUpInbox();
    this.#restarting = this.start()
      .catch((err: unknown) => {
        if (this.#link.lifetime.aborted || this.#isClosed) return;
        this.#log.error({ err }, 'a queue cannot be reached');
        this.#watch(1_000);
      })
      .finally(() => {
        this.#restarting = null;
      });
  }
}
