/**
 * Galapagos: run experiments in which agents evolve their own code inside
 * environments that decide what survives; read what happened; plug in actors,
 * niches, models, sandboxes and selection policies.
 */

export { builtInProviders } from '../sandboxes/providers.ts';
export {
  defineSandbox,
  type ExecOptions,
  type ExecResult,
  type Sandbox,
  type SandboxDefinition,
  type SandboxProvider,
  type SandboxSpec,
} from '../sandboxes/sandbox.ts';
export { summariseFiveLines } from './analysis/report.ts';
export { bestGeneration, type LineageRecord, type RunRecord, selectionScore } from './analysis/run-record.ts';
export { sparkline } from './analysis/sparkline.ts';
export type { ChatCompletion, ChatMessage, ChatRequest, ModelAnswer } from './core/chat.ts';
export { monotonicMs } from './core/clock.ts';
export { arms } from './core/config/arms.ts';
export type { ExperimentConfig, ExperimentInput } from './core/config/experiment-schema.ts';
export { experimentJsonSchema } from './core/config/parse-experiment.ts';
export {
  type ActorDefinition,
  type ArchiveEntry,
  defineActor,
  defineModel,
  defineSelection,
  type Model,
  type ModelDefinition,
  type RoleActor,
  type SelectionDefinition,
  type SelectParent,
} from './core/define.ts';
export { describeError, type ErrorCode, GalapagosError } from './core/errors.ts';
export type { Fact } from './core/journal.ts';
export type { Json } from './core/json.ts';
export type { RequestOf, ResultOf, RoleName } from './core/messages.ts';
export {
  type Answer,
  type Consequence,
  defineNiche,
  type Niche,
  type NicheDefinition,
  type Situation,
  type Split,
} from './core/niche.ts';
export { type RandomStream, randomStream } from './core/random.ts';
export type { Check, Evaluation, Generation, StrategyRef, Usage, Verdict } from './core/records.ts';
export type { LogEntry } from './lineage/lineage.ts';
export type { PortsOf } from './runtime/actors.ts';
export { type Diagnosis, doctor, type ToolStatus } from './runtime/doctor.ts';
export type { ExperimentPlan } from './runtime/experiment-plan.ts';
export {
  diffGenerations,
  listRuns,
  locateTarget,
  readGraph,
  readLog,
  repositoryOf,
  type Target,
} from './runtime/history.ts';
export { type ExperimentOutcome, outcomeOf } from './runtime/outcome.ts';
export { readRun } from './runtime/read-run.ts';
export {
  type ProgressEvent,
  plan,
  type RunOptions,
  resume,
  run,
  type SessionOptions,
} from './runtime/run-experiment.ts';
