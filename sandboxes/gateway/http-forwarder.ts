/**
 * A command that finds its gateway at `OPENAI_BASE_URL`, on loopback, as any
 * OpenAI client does without being told: the same command as the child of a
 * forwarder that pipes every connection to `$GALAPAGOS_GATEWAY`.
 *
 * The forwarder runs inside with the candidate's rights and is not trusted; it
 * needs Node and nothing else. Standard streams, exit status and signal are
 * the command's own, and the forwarder ends when the command does.
 */
export function behindForwarder(command: readonly string[]): readonly string[] {
  return ['node', ...nodeOptions, '-e', forwarder, '--', ...command];
}

/** It does little: threads it does not need would count against the sandbox's processes. */
const nodeOptions = ['--v8-pool-size=1'];

const forwarder = `'use strict';
const { spawn } = require('node:child_process');
const { connect, createServer } = require('node:net');
const { signals } = require('node:os').constants;
const [file, ...args] = process.argv.slice(1);
// Each direction ends by itself: a client may close its half and still wait for the answer.
const server = createServer({ allowHalfOpen: true }, (outer) => {
  outer.on('error', () => {});
  // Not before the client has spoken: fetch in Node 20 never settles when its connection ends earlier.
  outer.once('readable', () => {
    const inner = connect({ path: process.env.GALAPAGOS_GATEWAY, allowHalfOpen: true });
    for (const [from, to] of [[outer, inner], [inner, outer]]) {
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const env = { ...process.env, OPENAI_BASE_URL: 'http://127.0.0.1:' + port + '/v1', OPENAI_API_KEY: 'sandbox' };
  const child = spawn(file, args, { stdio: 'inherit', env });
  child.on('error', (error) => {
    console.error(file + ': ' + error.message);
    process.exit(127);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.kill(process.pid, signal);
    // Still here: process 1 of a container is spared by its own signals.
    setTimeout(() => process.exit(128 + signals[signal]), 100);
  });
});
`;
