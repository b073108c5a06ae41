import type { MarkKind } from '../check.ts';
import { contains, isScope } from '../scope.ts';
import type { Pattern } from './pattern.ts';
import type { Schedule } from './schedule.ts';

export interface PipelineInput extends Pattern {
  /** Comes from outside of the pipeline, such as from the runtime or a person. */
  readonly isExternal?: boolean;
}

export interface PipelineOutput {
  /** This scope and all below it. */
  readonly scope: string;
  readonly kinds: readonly MarkKind[];
}

/** What one agent of a pipeline takes in and gives out. With a schedule the clock wakes it, without one its inputs do. */
export interface Manifest {
  readonly agent: string;
  readonly inputs: readonly PipelineInput[];
  readonly outputs: readonly PipelineOutput[];
  readonly schedule?: Schedule;
}

export interface PipelineProblem {
  readonly kind: 'duplicate-agent' | 'bad-scope' | 'bad-schedule' | 'not-permitted' | 'dangling-input' | 'cycle';
  /** The agents it concerns; of a cycle, in order. */
  readonly agents: readonly string[];
  readonly message: string;
}

export type MayWrite = (agent: string, kind: MarkKind, scope: string) => boolean;

/**
 * Checks a pipeline from its manifests and permissions alone; nothing has to
 * run, or to exist. A cycle is a problem where marks alone would keep it
 * going: a schedule on the way paces it.
 * @returns every problem, none for a pipeline that is sound.
 */
export function validatePipeline(manifests: readonly Manifest[], mayWrite: MayWrite): readonly PipelineProblem[] {
  return [
    ...duplicates(manifests),
    ...manifests.flatMap((manifest) => [
      ...wrongScopes(manifest),
      ...wrongSchedule(manifest),
      ...notPermitted(manifest, mayWrite),
      ...dangling(manifest, manifests),
    ]),
    ...cycles(manifests),
  ];
}

/** Whether a mark can be both: an output's, and one that the input takes. */
export function feeds(agent: string, output: PipelineOutput, input: PipelineInput): boolean {
  if (input.author !== undefined && input.author !== agent) return false;
  const kinds = output.kinds.filter((kind) => input.kinds?.includes(kind) ?? true);
  const hasTopic = kinds.includes('observation') || kinds.includes('warning');
  if (kinds.length === 0 || (input.topic !== undefined && !hasTopic)) return false;
  return input.scope === undefined || contains(input.scope, output.scope) || contains(output.scope, input.scope);
}

function* duplicates(manifests: readonly Manifest[]): Generator<PipelineProblem> {
  const seen = new Set<string>();
  for (const { agent } of manifests) {
    if (seen.has(agent)) yield { kind: 'duplicate-agent', agents: [agent], message: `${agent} has two manifests` };
    seen.add(agent);
  }
}

function* wrongScopes({ agent, inputs, outputs }: Manifest): Generator<PipelineProblem> {
  for (const { scope } of [...inputs, ...outputs]) {
    if (scope === undefined || isScope(scope)) continue;
    yield { kind: 'bad-scope', agents: [agent], message: `${agent}: ${JSON.stringify(scope)} is not a scope` };
  }
}

function* wrongSchedule({ agent, schedule }: Manifest): Generator<PipelineProblem> {
  if (schedule === undefined || (schedule.everyMs > 0 && Number.isFinite(schedule.everyMs))) return;
  const message = `${agent}: every ${schedule.everyMs} ms is no interval`;
  yield { kind: 'bad-schedule', agents: [agent], message };
}

function* notPermitted({ agent, outputs }: Manifest, mayWrite: MayWrite): Generator<PipelineProblem> {
  for (const { scope, kinds } of outputs) {
    for (const kind of kinds) {
      if (mayWrite(agent, kind, scope)) continue;
      const message = `${agent} declares that it leaves a ${kind} in ${scope}, which it may not`;
      yield { kind: 'not-permitted', agents: [agent], message };
    }
  }
}

function* dangling({ agent, inputs }: Manifest, manifests: readonly Manifest[]): Generator<PipelineProblem> {
  for (const input of inputs) {
    if (input.isExternal || manifests.some((from) => from.outputs.some((output) => feeds(from.agent, output, input)))) {
      continue;
    }
    const message = `${agent} waits for ${describe(input)}, which nobody declares: say isExternal if it comes from elsewhere`;
    yield { kind: 'dangling-input', agents: [agent], message };
  }
}

/** A shortest way round through each agent that marks wake, unless one of its agents is on another already. */
function cycles(manifests: readonly Manifest[]): readonly PipelineProblem[] {
  const woken = manifests.filter(({ schedule }) => schedule === undefined);
  const wakes = (from: Manifest) =>
    woken.filter((to) => from.outputs.some((output) => to.inputs.some((input) => feeds(from.agent, output, input))));
  const next = new Map(woken.map((from) => [from.agent, wakes(from).map(({ agent }) => agent)]));
  const named = new Set<string>();
  return woken.flatMap(({ agent }) => {
    const agents = wayRound(agent, next);
    if (agents === null || agents.some((on) => named.has(on))) return [];
    for (const on of agents) named.add(on);
    const message = `${[...agents, agent].join(' → ')} never comes to rest: give one of them a schedule`;
    return [{ kind: 'cycle' as const, agents, message }];
  });
}

/** The agents on a shortest way from one back to itself, that one first. */
function wayRound(start: string, next: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const seen = new Set<string>();
  for (let ways: (readonly string[])[] = [[start]]; ways.length > 0; ) {
    const longer: (readonly string[])[] = [];
    for (const way of ways) {
      for (const agent of next.get(way.at(-1)!) ?? []) {
        if (agent === start) return way;
        if (seen.has(agent)) continue;
        seen.add(agent);
        longer.push([...way, agent]);
      }
    }
    ways = longer;
  }
  return null;
}

function describe({ isExternal: _, ...pattern }: PipelineInput): string {
  const parts = Object.entries(pattern).map(([name, value]) => `${name} ${String(value)}`);
  return parts.length === 0 ? 'any mark' : `marks with ${parts.join(', ')}`;
}
