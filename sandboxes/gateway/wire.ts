import type { ServerResponse } from 'node:http';
import type { ChatCompletion } from '../../src/core/chat.ts';

/** An answer that is an error, in OpenAI's shape. */
export interface WireError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/**
 * `x-should-retry: false` stops the official clients from repeating: the model
 * behind the gateway has used up its retries, and a spent budget stays spent.
 */
export function sendError(response: ServerResponse, { status, code, message }: WireError): void {
  const type = status >= 500 ? 'server_error' : status === 402 ? 'insufficient_quota' : 'invalid_request_error';
  sendJson(response, status, { error: { message, type, param: null, code } }, { 'x-should-retry': 'false' });
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

/** A finished completion as the stream of chunks that a streaming client expects. */
export function sendStream(response: ServerResponse, completion: ChatCompletion, withUsage: boolean): void {
  if (response.destroyed) return;
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  for (const chunk of toChunks(completion, withUsage)) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  response.end('data: [DONE]\n\n');
}

function toChunks({ id, created, model, choices, usage }: ChatCompletion, withUsage: boolean): unknown[] {
  const base = { id, object: 'chat.completion.chunk', created, model };
  const { message, finish_reason } = choices[0]!;
  const calls = message.tool_calls?.map((call, index) => ({ index, ...call }));
  const deltas: unknown[] = [{ role: 'assistant', content: message.content ?? (calls ? null : '') }];
  if (calls !== undefined && calls.length > 0) deltas.push({ tool_calls: calls });
  const chunk = (delta: unknown, finish: string | null) => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(withUsage ? { usage: null } : {}),
  });
  const chunks: unknown[] = [...deltas.map((delta) => chunk(delta, null)), chunk({}, finish_reason)];
  if (withUsage) chunks.push({ ...base, choices: [], usage });
  return chunks;
}
