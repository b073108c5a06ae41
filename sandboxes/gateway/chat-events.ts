import type { ChatCompletion, ChatToolCall } from '../../src/core/chat.ts';

/** UTF-16 units of text in one event. */
const pieceLength = 16_384;

/** A finished completion as the server-sent events that a streaming client expects. */
export function* chatEvents(completion: ChatCompletion, withUsage: boolean): Generator<string> {
  for (const chunk of chunksOf(completion, withUsage)) yield `data: ${JSON.stringify(chunk)}\n\n`;
  yield 'data: [DONE]\n\n';
}

function* chunksOf({ id, created, model, choices, usage }: ChatCompletion, withUsage: boolean): Generator<unknown> {
  const base = { id, object: 'chat.completion.chunk', created, model };
  const { message, finish_reason } = choices[0]!;
  const chunk = (delta: unknown, finish: string | null) => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(withUsage ? { usage: null } : {}),
  });
  const calls = message.tool_calls ?? [];
  yield chunk({ role: 'assistant', content: message.content === null && calls.length > 0 ? null : '' }, null);
  for (const content of piecesOf(message.content ?? '')) yield chunk({ content }, null);
  for (const [index, call] of calls.entries()) {
    for (const delta of callDeltas(call)) yield chunk({ tool_calls: [{ index, ...delta }] }, null);
  }
  yield chunk({}, finish_reason);
  if (withUsage) yield { ...base, choices: [], usage };
}

function* callDeltas({ id, type, function: { name, arguments: text } }: ChatToolCall): Generator<object> {
  yield { id, type, function: { name, arguments: '' } };
  for (const piece of piecesOf(text)) yield { function: { arguments: piece } };
}

/** Never through the middle of a character: a client that decodes each event by itself could not join the halves. */
function* piecesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const last = text.charCodeAt(at + pieceLength - 1);
    const isSplit = last >= 0xd800 && last <= 0xdbff;
    const end = at + pieceLength - (isSplit ? 1 : 0);
    yield text.slice(at, end);
    at = end;
  }
}
