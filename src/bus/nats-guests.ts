import type { Msg } from '@nats-io/transport-node';
import { type LineageId, parseLineageId } from '../core/ids.ts';
import { createLogger } from '../core/log.ts';
import { openNatsLink } from './nats-link.ts';
import { recordNames } from './nats-names.ts';
import type { NatsRecordOptions } from './nats-record-stream.ts';
import { Tally } from './tally.ts';

export interface NatsGuestOptions extends NatsRecordOptions {
  /**
   * @param lineage - Who asks: the broker lets no other account say so.
   * @param maxBytes - What the answer may have.
   */
  readonly answer: (lineage: LineageId, request: Uint8Array, maxBytes: number) => Promise<Uint8Array>;
}

/** What the server adds to a message. */
const headerBytes = 4_096;

/**
 * Answers what lineages ask from accounts of their own. They publish nothing
 * else, so whatever is in the run's records went through here or came from
 * the runtime itself.
 *
 * @throws {BusUnavailableError} naming the URL and what to start.
 */
export async function serveNatsGuests(options: NatsGuestOptions): Promise<AsyncDisposable> {
  const { servers, run, credential, answer, log = createLogger({ bindings: { part: 'guests' } }) } = options;
  const link = await openNatsLink(servers, `galapagos ${run} guests`, log, credential);
  const inHand = new Tally();
  const maxBytes = (link.nc.info?.max_payload ?? 1_048_576) - headerBytes;

  const respond = async (msg: Msg) => {
    const lineage = parseLineageId(msg.subject.split('.').at(-1)!);
    msg.respond(await answer(lineage, msg.data, maxBytes));
  };
  const sub = link.nc.subscribe(recordNames(run).askSubject('*'), {
    queue: 'guard',
    callback: (error, msg) => {
      if (error !== null) return;
      inHand.enter();
      respond(msg)
        .catch((err) => log.error({ err }, 'a guest got no answer'))
        .finally(() => inHand.leave());
    },
  });
  await link.persist(() => link.nc.flush(), link.lifetime);
  return {
    async [Symbol.asyncDispose]() {
      await link.drain(sub);
      await inHand.idle();
      await link.close();
    },
  };
}
