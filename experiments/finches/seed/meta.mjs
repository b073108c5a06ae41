import { readFileSync, realpathSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { askModel } from './gateway.mjs';
import { createToolbox } from './tools.mjs';

const maxTurns = 24;

/** Reads `{lineage, generation, strategies, evals}`, lets the model edit this directory, prints `{summary}`. */
export async function main() {
  const brief = JSON.parse(await text(process.stdin));
  const summary = await improve(brief, createToolbox(process.cwd()));
  process.stdout.write(`${JSON.stringify({ summary })}\n`);
}

/** An ordinary tool loop: until the model has nothing more to call, or for `maxTurns` answers. */
async function improve(brief, toolbox) {
  const messages = openingMessages(brief);
  let lastText = 'nothing was said';
  for (let turn = 0; turn < maxTurns; turn += 1) {
    const message = await nextMessage(messages, toolbox.tools, turn);
    if (message.content) lastText = message.content;
    if (!message.tool_calls?.length) return lastText;
    messages.push(message);
    for (const call of message.tool_calls) {
      messages.push({ role: 'tool', tool_call_id: call.id, content: await toolbox.call(call.function) });
    }
  }
  return `stopped after ${maxTurns} turns: ${lastText}`;
}

/** When the gateway stops answering midway, the edits made so far stand. */
async function nextMessage(messages, tools, turn) {
  try {
    return await askModel(messages, tools);
  } catch (error) {
    if (turn === 0) throw error;
    return { role: 'assistant', content: `stopped early: ${error.message}` };
  }
}

function openingMessages({ lineage, generation, strategies = [], evals = [] }) {
  const task = [
    `You are lineage ${lineage}, making generation ${generation}.`,
    `strategies/: ${strategies.length > 0 ? strategies.join(', ') : 'empty'}`,
    `evals/: ${evals.length > 0 ? evals.join(', ') : 'empty'}`,
    'Look around, make your change, then answer without a tool call: one or two sentences on what you changed and why.',
  ];
  return [
    { role: 'system', content: readFileSync(new URL('./prompt.md', import.meta.url), 'utf8') },
    { role: 'user', content: task.join('\n') },
  ];
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) await main();
