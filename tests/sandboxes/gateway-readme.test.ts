import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { behindForwarder } from '../../sandboxes/gateway/http-forwarder.ts';
import { createProcessProvider } from '../../sandboxes/process/create-process-provider.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { run, sandboxSpec } from '../conformance/sandbox.suite.ts';
import { startGateway } from '../support/gateway.ts';
import { itNeeds } from '../support/require-service.ts';
import { createScriptedModel } from '../support/scripted-model.ts';

const readme = readFileSync(fileURLToPath(new URL('../../sandboxes/gateway/README.md', import.meta.url)), 'utf8');
const blocks = [...readme.matchAll(/^```(js|python|sh)\n(.*?)^```$/gms)].map(
  ([, language, text]) => [text!.includes('OPENAI_BASE_URL') ? 'http' : 'socket', language!, text!] as const,
);
/** How each language is run, and what must be there for it. */
const programs: Readonly<Record<string, { readonly command: readonly string[]; readonly needs: string }>> = {
  js: { command: ['node', 'example.mjs'], needs: 'node' },
  python: { command: ['python3', 'example.mjs'], needs: 'python3' },
  sh: { command: ['sh', 'example.mjs'], needs: 'curl' },
};

function missing(program: string): string | null {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return `no ${program} on the path`;
  }
}

describe('the examples in the gateway’s README', () => {
  it('are three for each way', () => {
    expect(blocks.map(([access, language]) => `${access} ${language}`)).toEqual([
      ...['socket js', 'socket python', 'socket sh'],
      ...['http js', 'http python', 'http sh'],
    ]);
  });

  for (const [access, language, text] of blocks) {
    const { command, needs } = programs[language]!;
    itNeeds(needs, missing(needs))(`${language} over ${access} gets an answer`, async () => {
      const { gateway } = await startGateway(createScriptedModel(({ messages }) => `to ${messages[0]!.content}: fine`));
      const provider = createProcessProvider();
      onTestFinished(() => provider[Symbol.asyncDispose]());
      const spec = sandboxSpec({ files: new Map([['example.mjs', textFile(text)]]) });
      await using sandbox = await provider.open(spec, new AbortController().signal);
      await sandbox.connect(gateway.socketPath);
      const { stdout, stderr } = await run(sandbox, access === 'http' ? behindForwarder(command) : command);
      expect(stderr).toBe('');
      expect(stdout).toContain('to hello: fine');
    });
  }
});
