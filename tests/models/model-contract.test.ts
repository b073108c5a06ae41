import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCassetteModel } from '../../src/models/cassette-model.ts';
import { createOpenAIModel, type OpenAIModelOptions } from '../../src/models/openai-model.ts';
import {
  modelSuite,
  type OpenModel,
  suiteEmbed,
  suiteEmbeddingRequests,
  suiteRequests,
  suiteScript,
} from '../conformance/model.suite.ts';
import { startChatServer } from '../support/chat-server.ts';
import { createScriptedModel } from '../support/scripted-model.ts';

modelSuite('scripted', async (delayMs) => ({
  model: createScriptedModel(suiteScript, { delayMs, usdPerToken: 1e-6 }),
  async [Symbol.asyncDispose]() {},
}));

modelSuite(
  'scripted, with embeddings',
  async (delayMs) => ({
    model: createScriptedModel(suiteScript, { delayMs, usdPerToken: 1e-6, embeds: suiteEmbed }),
    async [Symbol.asyncDispose]() {},
  }),
  { embeds: true },
);

modelSuite('openai', (delayMs) => openServer(delayMs));
modelSuite('openai, with embeddings', (delayMs) => openServer(delayMs, { model: 'e', usdPerMTok: 0.02 }), {
  embeds: true,
});

async function openServer(delayMs: number, embeddings?: OpenAIModelOptions['embeddings']): Promise<OpenModel> {
  const server = await startChatServer(suiteScript, { delayMs, embeds: suiteEmbed });
  const price = { promptUsdPerMTok: 3, completionUsdPerMTok: 15 };
  return {
    model: createOpenAIModel({
      name: 'local',
      model: 'm',
      baseUrl: server.url,
      price,
      embeddings,
      maxRetries: 0,
      timeoutMs: 30_000,
    }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

modelSuite('cassette, recording', (delayMs) => openCassette('record', delayMs), { embeds: true });
modelSuite('cassette, automatic', (delayMs) => openCassette('auto', delayMs), { embeds: true });
modelSuite('cassette, replaying', () => openCassette('replay', 0), { embeds: true, isInstant: true });

async function openCassette(mode: 'record' | 'replay' | 'auto', delayMs: number): Promise<OpenModel> {
  const dir = await mkdtemp(join(tmpdir(), 'cassette-'));
  const file = join(dir, 'calls.jsonl');
  const live = createScriptedModel(suiteScript, { delayMs, embeds: suiteEmbed });
  if (mode === 'replay') {
    const recorder = createCassetteModel({ name: 'c', file, mode: 'record', of: live });
    const never = () => new AbortController().signal;
    for (const request of suiteRequests) await recorder.complete(request, never());
    for (const request of suiteEmbeddingRequests) await recorder.embed!(request, never());
  }
  return {
    model: createCassetteModel({ name: 'c', file, mode, ...(mode === 'replay' ? {} : { of: live }) }),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
  };
}
