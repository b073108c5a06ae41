import { type ErrorCode, GalapagosError } from '../index.ts';

/** How the command ended, for scripts. The only place where these numbers stand. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  invalidConfiguration: 3,
  refusedByPolicy: 4,
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const { failed, usage, invalidConfiguration, refusedByPolicy, interrupted } = exitCodes;

/** A new error code does not compile until it has its place here. */
const exitCodeByError: Readonly<Record<ErrorCode, ExitCode>> = {
  BUDGET_EXHAUSTED: failed,
  BUS_CLOSED: failed,
  BUS_UNAVAILABLE: failed,
  CASSETTE_MISSING: failed,
  CONFIG_INVALID: invalidConfiguration,
  CONTRACT_VIOLATED: failed,
  GENOME_INVALID: failed,
  ID_INVALID: invalidConfiguration,
  JOB_ABANDONED: failed,
  JOURNAL_CORRUPT: failed,
  LINEAGE_CORRUPT: failed,
  MARKSPACE_DENIED: refusedByPolicy,
  MESSAGE_INVALID: failed,
  MODEL_FAILED: failed,
  MODEL_UNAVAILABLE: failed,
  NICHE_FAILED: failed,
  PLUGIN_INVALID: invalidConfiguration,
  POLICY_REFUSED: refusedByPolicy,
  PREREQUISITE_MISSING: failed,
  RUN_CANCELLED: interrupted,
  RUN_FORMAT: invalidConfiguration,
  RUN_LOCKED: failed,
  // Whoever names a run that is not there mistyped an argument.
  RUN_NOT_FOUND: usage,
  SANDBOX_UNAVAILABLE: failed,
  STORAGE_FAILED: failed,
  TRAINING_FAILED: failed,
  WEIGHTS_INVALID: failed,
};

export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof GalapagosError ? exitCodeByError[error.code] : failed;
}
