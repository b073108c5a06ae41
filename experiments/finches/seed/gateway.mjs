import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

const agent = new Agent({ keepAlive: true });

/** One request to the model behind the gateway, in OpenAI's protocol. Throws with the gateway's own words when it refuses. */
async function post(fields) {
  const body = JSON.stringify({ model: 'default', ...fields });
  const response = await new Promise((resolve, reject) => {
    const call = request(
      {
        agent,
        socketPath: process.env.GALAPAGOS_GATEWAY,
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      resolve,
    );
    call.on('error', reject);
    call.end(body);
  });
  const answer = await text(response);
  if (response.statusCode !== 200) throw new Error(`gateway ${response.statusCode}: ${answer.slice(0, 500)}`);
  return JSON.parse(answer).choices[0].message;
}

/** The next message of the agent that edits this directory. */
export function askModel(messages, tools) {
  return post({ messages, tools });
}

/** One sentence of the action language, drawn by the model that sees this observation. */
export async function drawSentence(observation, temperature) {
  const { content } = await post({ messages: [{ role: 'user', content: observation }], temperature, max_tokens: 4 });
  return content.trim();
}
