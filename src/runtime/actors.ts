import { createArchivist } from '../../actors/archivist/create-archivist.ts';
import { createEnvironment } from '../../actors/environment/create-environment.ts';
import { createGate } from '../../actors/gate/create-gate.ts';
import { createLineage } from '../../actors/lineage/create-lineage.ts';
import { createMetaAgent } from '../../actors/meta-agent/create-meta-agent.ts';
import { createProposer } from '../../actors/proposer/create-proposer.ts';
import { createSolver } from '../../actors/solver/create-solver.ts';
import { createTrainer } from '../../actors/trainer/create-trainer.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import type { ActorDefinition, RoleActor } from '../core/define.ts';
import { PluginInvalidError } from '../core/errors.ts';
import { type RoleName, roleNames } from '../core/messages.ts';
import { loadPlugin, parseParams } from './plugins.ts';

/** The built-in actor of every role: what a role's `create` receives is its first parameter. */
const builtIn = {
  lineage: createLineage,
  'meta-agent': createMetaAgent,
  proposer: createProposer,
  solver: createSolver,
  environment: createEnvironment,
  gate: createGate,
  trainer: createTrainer,
  archivist: createArchivist,
} as const satisfies { readonly [R in RoleName]: (ports: never) => RoleActor<R> };

export type PortsOf<R extends RoleName> = Parameters<(typeof builtIn)[R]> extends [infer P] ? P : unknown;

/** The cast of a run: for each role, who plays it. */
export interface Cast {
  nameOf(role: RoleName): string;
  create<R extends RoleName>(role: R, ports: PortsOf<R>): RoleActor<R>;
}

/** @throws {PluginInvalidError} for a module that defines no actor, or one of another role. */
export async function loadCast(config: ExperimentConfig, experimentDir: string): Promise<Cast> {
  const replaced = new Map<RoleName, { definition: ActorDefinition<RoleName, unknown, never>; params: never }>();
  for (const role of roleNames) {
    const plugin = config.actors[role];
    if (plugin === undefined) continue;
    const definition = await loadPlugin<ActorDefinition<RoleName, unknown, never>>(
      'actor',
      plugin.module,
      experimentDir,
    );
    if (definition.role !== role) {
      throw new PluginInvalidError(`actors.${role}: ${definition.name} plays the role ${definition.role}, not ${role}`);
    }
    replaced.set(role, { definition, params: parseParams(definition, plugin.params) });
  }
  return {
    nameOf: (role) => replaced.get(role)?.definition.name ?? `${role} (built in)`,
    create: <R extends RoleName>(role: R, ports: PortsOf<R>) => {
      const own = replaced.get(role);
      if (own === undefined) return (builtIn[role] as unknown as (ports: PortsOf<R>) => RoleActor<R>)(ports);
      const actor = own.definition.create(ports, own.params) as unknown as RoleActor<R>;
      if (typeof actor?.handle !== 'function') {
        throw new PluginInvalidError(`actor ${own.definition.name}: create() must return { handle(request, signal) }`);
      }
      return actor;
    },
  };
}
