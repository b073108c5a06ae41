/**
 * What a decision of the guard costs with a hundred thousand marks in the
 * space, bare and with everything that regulates conduct, against the JSON
 * copy that each draft needs at the least.
 *
 * Run: npm run bench -- guard [--marks=100000]
 */
import type { Draft } from '../markspace/check.ts';
import { accessOf, createMarkspace } from '../markspace/guard.ts';
import type { AgentHandle } from '../markspace/markspace.ts';
import { defaultPolicy } from '../markspace/policy.ts';
import { claimPolicy } from '../markspace/regulation/content/claims.ts';
import { secretPolicy } from '../markspace/regulation/content/secrets.ts';
import { sizePolicy } from '../markspace/regulation/content/size.ts';
import { createRegulation } from '../markspace/regulation/regulation.ts';
import { createMemoryMarkStore } from '../markspace/stores/memory-store.ts';
import { parseRunId } from '../src/core/ids.ts';
import type { Journal } from '../src/core/journal.ts';

const marks = Number(process.argv.find((word) => word.startsWith('--marks='))?.slice('--marks='.length) ?? 100_000);
const agents = Array.from({ length: 100 }, (_, i) => `a${i}`);
const samples = 20_000;

/** Steady enough for the envelope: everybody writes at the same pace. */
let nowMs = 0;
const clock = { now: () => (nowMs += 20) };
const journal: Journal = { once: (_type, _key, effect) => effect(), append: async () => {} };

const note = (i: number, scope: string): Draft => ({
  kind: 'observation',
  scope,
  topic: 'packing',
  fields: { content: { note: `tried the hexagonal start ${i}`, radius: 'grows' }, source: 'fleet' },
});

function openSpace(isRegulated: boolean) {
  const known = {
    lineages: [],
    policy: defaultPolicy,
    scopes: [
      { path: 'x', conflicts: 'highest-confidence' as const },
      { path: 'full', quota: 1 },
    ],
    members: agents.map((id) => ({
      id,
      grants: ['x', 'full'].map((scope) => ({
        ...{ scope, read: true, source: 'fleet' as const },
        write: ['observation' as const, 'intent' as const, 'action' as const],
      })),
    })),
  };
  const content = [sizePolicy(65_536), secretPolicy(['a-key-of-the-run']), claimPolicy(() => [])];
  const regulation = createRegulation({ access: accessOf(known), content });
  const space = createMarkspace({
    ...known,
    ...{ run: parseRunId('bench'), journal, clock, directory: '/nowhere', store: createMemoryMarkStore() },
    genomes: { get: () => Promise.reject(new Error('there are no genomes')) },
    ...(isRegulated ? { checks: regulation.checks } : {}),
  });
  return { space, handles: agents.map((id) => space.memberHandle(id)) };
}

/** Microseconds of what happens before the call returns: the whole decision, and no waiting. */
async function medianUs(handles: readonly AgentHandle[], call: (handle: AgentHandle, i: number) => Promise<unknown>) {
  const times: number[] = [];
  let refusals = 0;
  for (let i = 0; i < samples; i += 1) {
    const handle = handles[i % handles.length]!;
    const from = performance.now();
    const done = call(handle, i);
    times.push((performance.now() - from) * 1_000);
    await done.catch(() => {
      refusals += 1;
    });
  }
  times.sort((a, b) => a - b);
  return { median: times[samples >> 1]!, p99: times[Math.floor(samples * 0.99)]!, refusals };
}

const row = (name: string, { median, p99, refusals }: Awaited<ReturnType<typeof medianUs>>, baseline: number) =>
  console.log(
    `  ${name.padEnd(52)}${median.toFixed(1).padStart(8)}${(median / baseline).toFixed(1).padStart(8)}` +
      `${p99.toFixed(1).padStart(9)}${`${Math.round((100 * refusals) / samples)} %`.padStart(9)}`,
  );

for (const isRegulated of [false, true]) {
  const { space, handles } = openSpace(isRegulated);
  for (let i = 0; i < marks; i += 1) await handles[i % handles.length]!.write(note(i, `x/s${i % 100}`)).catch(() => {});
  for (const handle of handles) await handle.write(note(0, 'full')).catch(() => {});
  const held = agents.reduce((sum, _, i) => sum + space.inspect({ scope: `x/s${i}`, minStrength: 0 }).length, 0);
  const title = `${held.toLocaleString('en')} marks, ${isRegulated ? 'regulated' : 'bare'}`;
  console.log(
    `${title.padEnd(54)}${'µs'.padStart(8)}${'ratio'.padStart(8)}${'99 % µs'.padStart(9)}${'refused'.padStart(9)}`,
  );
  const copy = await medianUs(handles, async (_, i) => JSON.parse(JSON.stringify(note(i, 'x/s1'))));
  row('JSON copy of a draft', copy, copy.median);
  const refused = await medianUs(handles, (handle, i) => handle.write(note(i, 'full')));
  row('write, refused by the last check', refused, copy.median);
  const written = await medianUs(handles, (handle, i) => handle.write(note(i, `x/s${i % 100}`)));
  row('write, accepted and appended in memory', written, copy.median);
  if (!isRegulated) {
    const act = (handle: AgentHandle, i: number) =>
      handle.act({ scope: `x/s${i % 100}`, resource: `r${i}`, action: 'use', tool: () => null });
    row('act, accepted and announced', await medianUs(handles, act), copy.median);
    const late = await medianUs(handles, (_, i) => act(handles[(i + 1) % handles.length]!, i));
    row('act, refused for what another has done', late, copy.median);
  }
  await space[Symbol.asyncDispose]();
}
