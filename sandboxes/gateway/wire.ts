import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** An answer that is an error, in OpenAI's shape. */
export interface WireError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

interface Pieces {
  readonly contentType: string;
  /** Made one by one, as fast as they are read. */
  readonly pieces: Iterable<string>;
}

export type Reply = { readonly error: WireError } | { readonly json: unknown } | Pieces;

/** Settles when the last byte has left this process, or when nobody waits for it any more. */
export async function send(response: ServerResponse, reply: Reply, signal: AbortSignal): Promise<void> {
  if (response.headersSent || response.destroyed) return;
  const isOver = once(response, 'close', { signal });
  isOver.catch(() => {});
  try {
    if ('error' in reply) sendError(response, reply.error);
    else if ('json' in reply) sendJson(response, 200, reply.json);
    else await sendPieces(response, reply, signal);
    await isOver;
  } catch {
    // What ended early must not look complete; an error is small and ends by itself.
    if (!response.writableEnded) response.destroy();
  }
}

/**
 * `x-should-retry: false` stops the official clients from repeating: the model
 * behind the gateway has used up its retries, and a spent budget stays spent.
 */
function sendError(response: ServerResponse, { status, code, message }: WireError): void {
  const type = status >= 500 ? 'server_error' : status === 402 ? 'insufficient_quota' : 'invalid_request_error';
  sendJson(response, status, { error: { message, type, param: null, code } }, { 'x-should-retry': 'false' });
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

async function sendPieces(response: ServerResponse, reply: Pieces, signal: AbortSignal): Promise<void> {
  response.writeHead(200, { 'content-type': reply.contentType, 'cache-control': 'no-cache' });
  for (const piece of reply.pieces) {
    if (!response.write(piece)) await once(response, 'drain', { signal });
  }
  response.end();
}
