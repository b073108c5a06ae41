import { MarkspaceDeniedError } from '../src/core/errors.ts';
import type { LineageId } from '../src/core/ids.ts';
import type { Operation } from './check.ts';
import { collectTree } from './collect/collect.ts';
import { quoted } from './denials.ts';
import type {
  AgentHandle,
  Collected,
  CollectRequest,
  LineageHandle,
  Published,
  Reached,
  ReachRequest,
} from './markspace.ts';
import { mountFor } from './mount-for.ts';
import { ownModel } from './reaching.ts';
import { isScope, modelsScope, ownScope, strategiesScope } from './scope.ts';
import type { Space } from './space.ts';
import { type Call, told } from './telemetry.ts';

/** Identity lives in the closure: what a caller puts on the object changes nothing. */
export function createAgentHandle(space: Space, agent: string): AgentHandle {
  const { engine } = space;
  return Object.freeze<AgentHandle>({
    agent,
    write: (draft, id) => guarded(space, agent, 'write', (call) => engine.write(call, draft, id)),
    query: (query) => guarded(space, agent, 'query', (call) => engine.query(call, { ...query })),
    act: (request) => guarded(space, agent, 'act', (call) => engine.act(call, request)),
    resolve: (need, answer) => guarded(space, agent, 'resolve', (call) => engine.close(call, need, answer)),
    withdraw: (mark, reason) => guarded(space, agent, 'withdraw', (call) => engine.close(call, mark, reason)),
  });
}

export function createLineageHandle(space: Space, lineage: LineageId): LineageHandle {
  return Object.freeze<LineageHandle>({
    ...createAgentHandle(space, lineage),
    lineage,
    publish: (published) =>
      guarded(space, lineage, 'publish', (call) => publishFor(space, call, lineage, { ...published })),
    read: (scope) => guarded(space, lineage, 'read', () => readScope(space, lineage, scope)),
    mounts: (request) => guarded(space, lineage, 'mounts', (call) => mountFor(space, call, lineage, { ...request })),
    reach: (request) => guarded(space, lineage, 'reach', (call) => reachFor(space, call, { ...request })),
    collect: (request) => guarded(space, lineage, 'collect', (call) => collectFor(space, call, request)),
  });
}

/** Runs a call unless the space is closed, which waits for those under way; tells the telemetry of it. */
function guarded<T>(space: Space, agent: string, name: Call['name'], run: (call: Call) => Promise<T>): Promise<T> {
  const { clock, telemetry = () => {} } = space.options;
  const done = told(telemetry, clock, { name, agent }, (call) => {
    if (space.isClosed) throw new MarkspaceDeniedError('the markspace is closed');
    return run(call);
  });
  const settled = done.then(
    () => {},
    () => {},
  );
  space.busy.add(settled);
  void settled.then(() => space.busy.delete(settled));
  return done;
}

async function reachFor({ options, denials, reaching }: Space, call: Call, request: ReachRequest): Promise<Reached> {
  const { model: asked, use, generation } = request;
  const draft = { kind: 'intent', scope: modelsScope, topic: null, fields: { resource: asked, action: use } } as const;
  const operation: Operation = { agent: call.agent, type: 'act', scope: modelsScope, atMs: options.clock.now(), draft };
  call.scope = modelsScope;
  const verdict = reaching.judge(operation);
  reaching.observe(operation, verdict);
  if (verdict.allowed) {
    const own = options.lineages.find(({ id }) => id === call.agent)?.model;
    return { allowed: true, model: own ?? ownModel };
  }
  const { check: by, rule, message } = verdict;
  call.refusedBy = rule;
  await denials.record(call.agent, { operation: 'reach', generation, check: by, rule, message });
  return { allowed: false, rule: `${by}/${rule}`, message };
}

async function publishFor({ options, publisher, mounter }: Space, call: Call, lineage: LineageId, given: Published) {
  const mark = await publisher.publish(call, lineage, given);
  const best = mark === null ? null : publisher.best(lineage);
  // What cannot be written now is tried again by the mount that needs it, which says what is wrong.
  if (best !== null && options.policy.openScopes.includes('strategies')) await mounter.prepare(best).catch(() => {});
  return mark;
}

async function collectFor({ options, denials }: Space, call: Call, request: CollectRequest): Promise<Collected> {
  const collected = collectTree(request, options.policy);
  if (collected.allowed) return collected;
  const { rule, message } = collected;
  call.refusedBy = rule;
  await denials.record(call.agent, { operation: 'collect', generation: request.generation, rule, message });
  return collected;
}

async function readScope({ options, access, engine, denials }: Space, lineage: LineageId, scope: string) {
  if (isScope(scope) && access.sightOf(lineage, scope) === 'content') return engine.marksIn(scope);
  const readable = [ownScope(lineage), strategiesScope(lineage), ...options.policy.openScopes];
  const message = `${quoted(scope)} is not open to ${lineage}: read ${readable.join(', ')}, or what is below`;
  return denials.deny(lineage, { operation: 'read', rule: 'scope', message });
}
