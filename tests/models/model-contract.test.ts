import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCassetteModel } from '../../src/models/cassette-model.ts';
import { createOpenAIModel } from '../../src/models/openai-model.ts';
import { modelSuite, type OpenModel, suiteRequests, suiteScript } from '../conformance/model.suite.ts';
import { startChatServer } from '../support/chat-server.ts';
import { createScriptedModel } from '../support/scripted-model.ts';

modelSuite('scripted', async (delayMs) => ({
  model: createScriptedModel(suiteScript, { delayMs, usdPerToken: 1e-6 }),
  async [Symbol.asyncDispose]() {},
}));

modelSuite('openai', async (delayMs) => {
  const server = await startChatServer(suiteScript, { delayMs });
  const price = { promptUsdPerMTok: 3, completionUsdPerMTok: 15 };
  return {
    model: createOpenAIModel({
      name: 'local',
      model: 'm',
      baseUrl: server.url,
      price,
      maxRetries: 0,
      timeoutMs: 30_000,
    }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
});

modelSuite('cassette, recording', (delayMs) => openCassette('record', delayMs));
modelSuite('cassette, automatic', (delayMs) => openCassette('auto', delayMs));
modelSuite('cassette, replaying', () => openCassette('replay', 0), { isInstant: true });

async function openCassette(mode: 'record' | 'replay' | 'auto', delayMs: number): Promise<OpenModel> {
  const dir = await mkdtemp(join(tmpdir(), 'cassette-'));
  const file = join(dir, 'calls.jsonl');
  const live = createScriptedModel(suiteScript, { delayMs });
  if (mode === 'replay') {
    const recorder = createCassetteModel({ name: 'c', file, mode: 'record', of: live });
    for (const request of suiteRequests) await recorder.complete(request, new AbortController().signal);
  }
  return {
    model: createCassetteModel({ name: 'c', file, mode, ...(mode === 'replay' ? {} : { of: live }) }),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
  };
}
