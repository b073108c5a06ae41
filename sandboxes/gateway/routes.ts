import type { ServerResponse } from 'node:http';
import type PQueue from 'p-queue';
import { answerCall, type CallDeps } from './answer-call.ts';
import { budgetExhausted, noEmbeddings } from './call-errors.ts';
import { chatCalls, embeddingCalls } from './call-kinds.ts';
import { chatEvents } from './chat-events.ts';
import { embeddingReply } from './embedding-reply.ts';
import {
  type AskedChat,
  type AskedEmbedding,
  type ParseBody,
  parseChat,
  parseEmbedding,
  readRequest,
} from './read-request.ts';
import { type Reply, send, type WireError } from './wire.ts';

export type RouteDeps = CallDeps & { readonly queue: PQueue };

/** Answers one request, whatever it is. Never rejects. */
export async function route(deps: RouteDeps, response: ServerResponse, signal: AbortSignal): Promise<void> {
  const reply = (what: Reply) => send(response, what, signal);
  const refuse = (error: WireError) => {
    deps.onRefused('malformed');
    return reply({ error });
  };
  /**
   * Requests are read in their turn, not before, and the next one's turn comes
   * when the answer has been taken: so many bodies and answers, and no more,
   * are in memory at once.
   */
  const inTurn = <Asked>(parse: ParseBody<Asked>, answer: (asked: Asked) => Promise<Reply>) =>
    deps.queue.add(async () => {
      const read = await readRequest(response.req, deps.options.limits.maxRequestBytes, parse);
      if (read === null) return;
      if ('asked' in read) return reply(await answer(read.asked));
      if (!response.req.complete) response.setHeader('connection', 'close');
      await refuse(read.error);
    });
  try {
    switch (`${response.req.method} ${response.req.url?.split('?')[0]}`) {
      case 'POST /v1/chat/completions':
        return await inTurn(parseChat, (asked) => complete(deps, asked, signal));
      case 'POST /v1/embeddings':
        if (deps.options.model.embed === undefined) return await refuse(noEmbeddings);
        return await inTurn(parseEmbedding, (asked) => embed(deps, asked, signal));
      case 'GET /v1/models':
        return await reply({ json: modelList(deps.options.models) });
      default:
        return await refuse({ status: 404, code: 'not_found', message: 'no such route' });
    }
  } catch (error) {
    deps.onFailure(error);
    await reply({ error: { status: 500, code: 'gateway_failed', message: 'the gateway failed' } });
  }
}

async function complete(deps: CallDeps, asked: AskedChat, signal: AbortSignal): Promise<Reply> {
  const call = await answerCall(deps, chatCalls, asked.request, signal);
  if ('error' in call) return call;
  const { completion } = call.answer;
  if (!deps.ledger.countToolCalls(completion.choices[0]?.message.tool_calls?.length ?? 0)) {
    deps.onRefused('tool-calls');
    return { error: budgetExhausted(`limit of ${deps.options.limits.maxToolCalls} tool calls`) };
  }
  if (!asked.isStreamed) return { json: completion };
  return { contentType: 'text/event-stream', pieces: chatEvents(completion, asked.wantsUsage) };
}

async function embed(deps: CallDeps, asked: AskedEmbedding, signal: AbortSignal): Promise<Reply> {
  const call = await answerCall(deps, embeddingCalls, asked.request, signal);
  return 'error' in call ? call : embeddingReply(call.answer.embeddings, asked.asBase64);
}

function modelList(names: readonly string[]) {
  const data = names.map((id) => ({ id, object: 'model', created: 0, owned_by: 'galapagos' }));
  return { object: 'list', data };
}
