import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChatRequest } from '../../src/core/chat.ts';
import { decodeVector } from '../../src/core/embedding.ts';
import { type Embed, type Script, toCompletion, toEmbeddingList } from './scripted-model.ts';

/** One way to misbehave. Each is used up by one request, in order. */
export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: unknown;
    }
  /** Accepts the request and never says anything. */
  | { readonly kind: 'hang' }
  /** Sends the headers and half of the body, then nothing. */
  | { readonly kind: 'hang-in-body' }
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'disconnect-in-body' }
  /** A 200 with this body, as JSON or, if `raw`, as it is. */
  | { readonly kind: 'body'; readonly body: unknown; readonly raw?: boolean };

export interface SeenRequest {
  readonly atMs: number;
  readonly authorization: string | undefined;
  /** Of a request for embeddings, too: what was sent, whatever its shape. */
  readonly body: ChatRequest;
}

/** A scripted OpenAI-compatible server on loopback. */
export interface ChatServer extends AsyncDisposable {
  /** With the version path: ready for `baseUrl`. */
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** Requests whose connection the client closed before it was answered. */
  readonly hungUp: number;
}

export interface ChatServerOptions {
  readonly faults?: readonly Fault[];
  readonly delayMs?: number;
  /** Answers `/embeddings` with digits. Without it there is no such route. */
  readonly embeds?: Embed;
}

export async function startChatServer(script: Script, options: ChatServerOptions = {}): Promise<ChatServer> {
  const requests: SeenRequest[] = [];
  const faults = [...(options.faults ?? [])];
  const counts = { hungUp: 0 };

  const server = createServer(async (incoming, response) => {
    const body = JSON.parse(await textOf(incoming)) as ChatRequest;
    const call = requests.push({ atMs: performance.now(), authorization: incoming.headers.authorization, body }) - 1;
    response.on('close', () => void (counts.hungUp += response.writableFinished ? 0 : 1));
    const fault = faults.shift();
    if (fault !== undefined) return misbehave(fault, response);
    if (options.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.delayMs));
    if (!incoming.url?.endsWith('/embeddings')) {
      return sendJson(response, 200, toCompletion(script(body, call), `chatcmpl-${call}`, body.model));
    }
    if (options.embeds === undefined) return sendJson(response, 404, { error: { message: 'no such route' } });
    const { input } = body as unknown as { readonly input: readonly (string | number[])[] };
    const list = toEmbeddingList(input.map(options.embeds), body.model);
    const data = list.data.map((item) => ({ ...item, embedding: decodeVector(item.embedding) }));
    sendJson(response, 200, { ...list, data });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    get hungUp() {
      return counts.hungUp;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function misbehave(fault: Fault, response: ServerResponse): void {
  if (fault.kind === 'status') {
    sendJson(response, fault.status, fault.body ?? { error: { message: 'scripted fault' } }, fault.headers);
  } else if (fault.kind === 'body') {
    sendText(response, 200, fault.raw ? String(fault.body) : JSON.stringify(fault.body));
  } else if (fault.kind === 'disconnect') {
    response.socket?.destroy();
  } else if (fault.kind !== 'hang') {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"id": "chatcmpl-half", ', () => {
      if (fault.kind === 'disconnect-in-body') response.socket?.destroy();
    });
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  sendText(response, status, JSON.stringify(body), headers);
}

function sendText(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(text);
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
  return text;
}
