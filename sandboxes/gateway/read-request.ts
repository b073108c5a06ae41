import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { type ChatRequest, chatRequestSchema } from '../../src/core/chat.ts';
import { type EmbeddingRequest, embeddingRequestSchema } from '../../src/core/embedding.ts';
import type { WireError } from './wire.ts';

export interface AskedChat {
  readonly request: ChatRequest;
  readonly isStreamed: boolean;
  readonly wantsUsage: boolean;
}

export interface AskedEmbedding {
  readonly request: EmbeddingRequest;
  readonly asBase64: boolean;
}

type Refused = { readonly error: WireError };
/** Reads what a body asks for. */
export type ParseBody<Asked> = (body: unknown) => { readonly asked: Asked } | Refused;

/** For the body to arrive once it is its turn: whoever sends slower holds up only its own sandbox. */
const readTimeoutMs = 30_000;

/** Deeper JSON than any request needs would overflow the stack of whoever walks it. */
const maxDepth = 64;

/**
 * Reads and checks one request. Everything in it is hostile.
 *
 * @returns `null` when the connection ended before the request did.
 */
export async function readRequest<Asked>(
  incoming: IncomingMessage,
  maxBytes: number,
  parse: ParseBody<Asked>,
): Promise<{ readonly asked: Asked } | Refused | null> {
  const text = await readBody(incoming, maxBytes);
  if (text === 'gone') return null;
  if (text === 'too large') return refuse(413, 'request_too_large', `a request may have ${maxBytes} bytes`);
  let body: unknown;
  try {
    body = JSON.parse(text.body);
  } catch {
    return refuse(400, 'invalid_json', 'the body is not JSON');
  }
  if (isDeeperThan(body, maxDepth)) return refuse(400, 'invalid_request', `the body is nested deeper than ${maxDepth}`);
  return parse(body);
}

const chatEnvelopeSchema = z.looseObject({
  n: z.int().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
});

export const parseChat: ParseBody<AskedChat> = (body) => {
  const envelope = chatEnvelopeSchema.safeParse(body);
  if (!envelope.success) return refuse(400, 'invalid_request', problems(envelope.error));
  if ((envelope.data.n ?? 1) !== 1) return refuse(400, 'invalid_request', 'n must be 1: ask again for another answer');
  const request = chatRequestSchema.safeParse(withoutNulls(body as object, 2));
  if (!request.success) return refuse(400, 'invalid_request', problems(request.error));
  const { stream, stream_options } = envelope.data;
  return {
    asked: { request: request.data, isStreamed: stream === true, wantsUsage: stream_options?.include_usage === true },
  };
};

const embeddingEnvelopeSchema = z.looseObject({ encoding_format: z.enum(['float', 'base64']).nullish() });

export const parseEmbedding: ParseBody<AskedEmbedding> = (body) => {
  const envelope = embeddingEnvelopeSchema.safeParse(body);
  if (!envelope.success) return refuse(400, 'invalid_request', problems(envelope.error));
  const request = embeddingRequestSchema.safeParse(withoutNulls(body as object, 1));
  if (!request.success) return refuse(400, 'invalid_request', problems(request.error));
  return { asked: { request: request.data, asBase64: envelope.data.encoding_format === 'base64' } };
};

/** Clients send `null` for what was not set, in the request and, when they send an answer back, in its message. */
function withoutNulls(body: object, levels: number): object {
  if (Array.isArray(body)) return body.map((item) => (isObject(item) ? withoutNulls(item, levels) : item));
  const set = Object.entries(body).filter(([, value]) => value !== null);
  if (levels === 1) return Object.fromEntries(set);
  return Object.fromEntries(
    set.map(([k, v]) => [k, k === 'messages' && isObject(v) ? withoutNulls(v, levels - 1) : v]),
  );
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === 'object';
}

async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<{ body: string } | 'too large' | 'gone'> {
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) return 'too large';
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => incoming.destroy(), readTimeoutMs);
  try {
    // Not destroyed on return: the socket must still carry the refusal.
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > maxBytes) return 'too large';
      chunks.push(chunk as Buffer);
    }
  } catch {
    return 'gone';
  } finally {
    clearTimeout(timer);
  }
  return { body: Buffer.concat(chunks).toString('utf8') };
}

function isDeeperThan(root: unknown, depth: number): boolean {
  let level: unknown[] = [root];
  for (let at = 0; level.length > 0; at += 1) {
    if (at > depth) return true;
    level = level.flatMap((value) => (value !== null && typeof value === 'object' ? Object.values(value) : []));
  }
  return false;
}

function problems(error: z.ZodError): string {
  return z.prettifyError(error).slice(0, 2_000);
}

function refuse(status: number, code: string, message: string): Refused {
  return { error: { status, code, message } };
}
