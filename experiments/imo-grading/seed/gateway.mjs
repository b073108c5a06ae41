import { request } from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * Asks the model behind the gateway for one chat completion (OpenAI's protocol).
 * @returns the assistant's message. Throws an Error with the gateway's own words when it refuses.
 */
export async function askModel(messages, tools) {
  const body = JSON.stringify({ model: 'default', messages, tools });
  const response = await new Promise((resolve, reject) => {
    const call = request(
      {
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
