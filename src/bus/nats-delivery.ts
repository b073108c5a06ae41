import { type Msg, type NatsConnection, nanos } from '@nats-io/transport-node';

/** One delivery of a job from its queue, and what can be said about it to the server. */
export interface NatsDelivery {
  readonly msg: Msg;
  /** 1 for the first delivery. */
  readonly count: number;
  /** Done: the job leaves the queue. */
  ack(): void;
  /** Not done: the job comes again after so many milliseconds. */
  nak(delayMs: number): void;
  /** Still at it: the lease starts anew. */
  working(): void;
}

/**
 * Reads a delivery's reply subject: `$JS.ACK.<stream>.<consumer>.<count>.…`,
 * on newer servers with domain and account before the stream.
 * @returns `null` for a message that no work queue sent.
 */
export function readDelivery(nc: NatsConnection, msg: Msg): NatsDelivery | null {
  const reply = msg.reply ?? '';
  const parts = reply.split('.');
  const count = Number(parts[parts.length >= 11 ? 6 : 4]);
  if (!reply.startsWith('$JS.ACK.') || parts.length < 9 || !Number.isInteger(count)) return null;
  const say = (word: string) => {
    if (!nc.isClosed()) nc.publish(reply, word);
  };
  return {
    msg,
    count,
    ack: () => say('+ACK'),
    nak: (delayMs) => say(`-NAK ${JSON.stringify({ delay: nanos(delayMs) })}`),
    working: () => say('+WPI'),
  };
}
