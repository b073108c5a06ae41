/**
 * Galapagos: run experiments in which agents evolve their own code inside
 * environments that decide what survives; read what happened; plug in actors,
 * niches, models, sandboxes and selection policies.
 */

export { type MarkKind, markKinds } from '../markspace/check.ts';
export type { Mark } from '../markspace/mark.ts';
export {
  type ContentPolicy,
  type ContentRuling,
  type ContentSubject,
  defineContentPolicy,
} from '../markspace/regulation/content/policy.ts';
export { isScope } from '../markspace/scope.ts';
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
export {
  type Detection,
  detection,
  type Effect,
  type ItemDetection,
  type SeedDetection,
} from './analysis/detection.ts';
export { summariseFiveLines } from './analysis/report.ts';
export { type AdoptionFound, type AdoptionWitness, adoptionWitnesses } from './analysis/run-events.ts';
export {
  bestGeneration,
  type LineageRecord,
  modelNames,
  type RunRecord,
  selectionScore,
} from './analysis/run-record.ts';
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
export { type EmbeddingAnswer, type EmbeddingList, type EmbeddingRequest, encodeVector } from './core/embedding.ts';
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
export {
  type Check,
  type Evaluation,
  type Generation,
  measuresOf,
  type StrategyRef,
  type Usage,
  type Verdict,
} from './core/records.ts';
export type { LogEntry } from './lineage/lineage.ts';
export type { Activation, Serving } from './models/serving.ts';
export type {
  Adapter,
  Blend,
  CurvePoint,
  Trainer,
  TrainingExample,
  TrainingJob,
  TrainingMethod,
  TrainingOptions,
  TrainingOutcome,
} from './models/trainer.ts';
export type { PortsOf } from './runtime/actors.ts';
export { type Analysis, type AnalysisNotes, analyze } from './runtime/analyze.ts';
export { type Blame, blameGeneration } from './runtime/blame.ts';
export { type Cleaning, type CleanOptions, clean } from './runtime/clean.ts';
export { type Diagnosis, doctor, type ToolStatus } from './runtime/doctor.ts';
export type { ProgressEvent, SessionOptions } from './runtime/execute-all.ts';
export type { ExperimentPlan } from './runtime/experiment-plan.ts';
export { followMarks } from './runtime/follow-marks.ts';
export {
  diffGenerations,
  type GenerationDetail,
  listRuns,
  locateTarget,
  readGeneration,
  readGraph,
  readLog,
  repositoryOf,
  type Target,
} from './runtime/history.ts';
export type { ImportSource } from './runtime/import/foreign-run.ts';
export type { ImportedRun, ImportOptions, ImportOutcome, ImportProgress } from './runtime/import/import-results.ts';
export { importResults } from './runtime/import/import-results.ts';
export {
  type ConductFact,
  type MarkDetail,
  type MarkEntry,
  type MarkFilter,
  openRunMarks,
  type RunMarks,
} from './runtime/marks.ts';
export { orderLift } from './runtime/markspace/orders.ts';
export type { NicheTools } from './runtime/niches.ts';
export { type ExperimentOutcome, outcomeOf } from './runtime/outcome.ts';
export { readRun } from './runtime/read-run.ts';
export { type ComparisonOutcome, compare } from './runtime/report/compare-runs.ts';
export { type ReportOutcome, report, type WrittenReport } from './runtime/report/report-runs.ts';
export { plan, type RunOptions, resume, run } from './runtime/run-experiment.ts';
export { buildSandboxImage, type SandboxTrial, tryInSandbox } from './runtime/sandbox-tools.ts';
export { type BeforeAfter, beforeAfter, readLoopLives } from './runtime/weights-loop/before-after.ts';
export { credits as weightsCredits } from './runtime/weights-loop/credit.ts';
export { recipes as weightsRecipes } from './runtime/weights-loop/recipe.ts';
export { runWeightsLoop, type WeightsLoopResult } from './runtime/weights-loop/weights-loop.ts';
