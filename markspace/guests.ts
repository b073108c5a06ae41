import { z } from 'zod';
import { MarkspaceDeniedError } from '../src/core/errors.ts';
import type { LineageId } from '../src/core/ids.ts';
import { markKinds } from './check.ts';
import type { AgentHandle, Markspace } from './markspace.ts';

/** What a lineage asks of its handle from another process. Anything else is taken for a draft. */
const requestSchema = z.discriminatedUnion('call', [
  z.strictObject({ call: z.literal('write'), draft: z.unknown() }),
  z.strictObject({ call: z.literal('resolve'), need: z.string(), answer: z.unknown() }),
  z.strictObject({ call: z.literal('withdraw'), mark: z.string(), reason: z.string() }),
  z.strictObject({
    call: z.literal('query'),
    query: z.strictObject({
      scope: z.string(),
      below: z.boolean().optional(),
      kinds: z.array(z.enum(markKinds)).optional(),
      topic: z.string().optional(),
      resource: z.string().optional(),
      minStrength: z.number().optional(),
      superseded: z.boolean().optional(),
    }),
  }),
]);

/** Requests of one lineage under way at a time; one that sends more is told to wait for its answers. */
const maxInHand = 64;

/**
 * Answers requests of lineages that reach the guard over a broker, each
 * through its own handle: what is judged, limited and recorded in one process
 * is judged, limited and recorded here.
 *
 * An answer is `{"value": …}` or `{"error": {"code", "message", "details"}}`.
 *
 * @returns JSON in, JSON out; it throws nothing.
 */
export function guestDesk(space: Pick<Markspace, 'handleFor'>) {
  const inHand = new Map<LineageId, number>();

  return async (lineage: LineageId, request: Uint8Array, maxBytes: number): Promise<Uint8Array> => {
    const under = inHand.get(lineage) ?? 0;
    if (under >= maxInHand) {
      return asBytes(failed('BUSY', `${maxInHand} requests of yours are under way: wait for their answers`));
    }
    inHand.set(lineage, under + 1);
    try {
      const answer = asBytes({ value: (await ask(space.handleFor(lineage), request)) ?? null });
      if (answer.byteLength <= maxBytes) return answer;
      return asBytes(failed('TOO_LARGE', `the answer has ${answer.byteLength} bytes, ${maxBytes} fit: ask for less`));
    } catch (error) {
      if (error instanceof MarkspaceDeniedError) return asBytes(failed(error.code, error.message, error.details));
      // What went wrong inside is not the lineage's business.
      return asBytes(failed('FAILED', 'the guard could not do it: try again'));
    } finally {
      inHand.set(lineage, inHand.get(lineage)! - 1);
    }
  };
}

function ask(handle: AgentHandle, request: Uint8Array): Promise<unknown> {
  const given = parsed(request);
  const asked = requestSchema.safeParse(given);
  if (!asked.success) return handle.write(given as never);
  const { data } = asked;
  switch (data.call) {
    case 'write':
      return handle.write(data.draft as never);
    case 'resolve':
      return handle.resolve(data.need, data.answer as never);
    case 'withdraw':
      return handle.withdraw(data.mark, data.reason);
    case 'query':
      return handle.query(data.query as never);
  }
}

function parsed(request: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(request.buffer, request.byteOffset, request.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}

const failed = (code: string, message: string, details: object = {}) => ({ error: { code, message, details } });
const asBytes = (answer: object) => Buffer.from(JSON.stringify(answer));
