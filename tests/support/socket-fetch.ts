import { type Agent, type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';

/** `fetch` over a Unix socket, as far as the official client needs it. */
export function createSocketFetch(socketPath: string, agent?: Agent): typeof fetch {
  return async (input, init) => {
    const url = new URL(String(input));
    const headers = Object.fromEntries(new Headers(init?.headers).entries());
    return new Promise<Response>((resolve, reject) => {
      const outgoing = request(
        {
          socketPath,
          path: url.pathname + url.search,
          method: init?.method ?? 'GET',
          headers,
          ...(agent ? { agent } : {}),
          ...(init?.signal ? { signal: init.signal } : {}),
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const flat = Object.entries(incoming.headers).map(([k, v]): [string, string] => [k, String(v)]);
            resolve(new Response(Buffer.concat(chunks), { status: incoming.statusCode ?? 0, headers: flat }));
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(init?.body === undefined || init.body === null ? undefined : String(init.body));
    });
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One raw request, for bodies and headers that no client library would send. */
export function rawRequest(socketPath: string, options: RequestOptions, body: string | Buffer): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method: 'POST', path: '/v1/chat/completions', ...options }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => (text += chunk));
      incoming.on('error', reject);
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
