export type ErrorCode =
  | 'BUDGET_EXHAUSTED'
  | 'BUS_CLOSED'
  | 'BUS_UNAVAILABLE'
  | 'CASSETTE_MISSING'
  | 'CONFIG_INVALID'
  | 'CONTRACT_VIOLATED'
  | 'GENOME_INVALID'
  | 'ID_INVALID'
  | 'JOB_ABANDONED'
  | 'JOURNAL_CORRUPT'
  | 'LINEAGE_CORRUPT'
  | 'MARKSPACE_DENIED'
  | 'MESSAGE_INVALID'
  | 'MODEL_FAILED'
  | 'MODEL_UNAVAILABLE'
  | 'NICHE_FAILED'
  | 'PLUGIN_INVALID'
  | 'POLICY_REFUSED'
  | 'PREREQUISITE_MISSING'
  | 'RUN_CANCELLED'
  | 'RUN_FORMAT'
  | 'RUN_LOCKED'
  | 'RUN_NOT_FOUND'
  | 'SANDBOX_UNAVAILABLE'
  | 'STORAGE_FAILED'
  | 'TRAINING_FAILED'
  | 'WEIGHTS_INVALID';

export interface GalapagosErrorOptions {
  /**
   * Ids, sizes and rule names only: never prompts, candidate text or secrets. `next`: what to do, where this error
   * knows more than its code says; `COMMAND` stands for how the program is started.
   */
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
  readonly cause?: unknown;
  /** Where this one differs from others of its code. */
  readonly retryable?: boolean;
}

/**
 * Base of every error this project throws on purpose. `code` is the contract,
 * `message` is for people, `retryable` says whether an unchanged second try
 * can succeed.
 */
export class GalapagosError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;

  constructor(code: ErrorCode, retryable: boolean, message: string, options: GalapagosErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? retryable;
    this.details = options.details ?? {};
  }
}

function define(code: ErrorCode, retryable: boolean) {
  return class extends GalapagosError {
    constructor(message: string, options?: GalapagosErrorOptions) {
      super(code, retryable, message, options);
    }
  };
}

/** A budget would be exceeded; nothing was spent. */
export class BudgetExhaustedError extends define('BUDGET_EXHAUSTED', false) {}
/** The bus was closed under the caller. */
export class BusClosedError extends define('BUS_CLOSED', false) {}
/** The bus's server cannot be reached, or did not answer in time. */
export class BusUnavailableError extends define('BUS_UNAVAILABLE', true) {}
/** Replay found no recording for a call; the message names the call. */
export class CassetteMissingError extends define('CASSETTE_MISSING', false) {}
/** The experiment file is wrong; the message names every offending path. */
export class ConfigInvalidError extends define('CONFIG_INVALID', false) {}
/** An actor, niche or model broke the contract of its role; the message names the rule. */
export class ContractViolatedError extends define('CONTRACT_VIOLATED', false) {}
/** A directory is not a genome: the manifest is missing or wrong, or a limit is exceeded. */
export class GenomeInvalidError extends define('GENOME_INVALID', false) {}
/** A text is not an id. */
export class IdInvalidError extends define('ID_INVALID', false) {}
/** A job was delivered as often as allowed and never answered. */
export class JobAbandonedError extends define('JOB_ABANDONED', true) {}
/** A journal's hash chain is broken before its last record. */
export class JournalCorruptError extends define('JOURNAL_CORRUPT', false) {}
/** The run's git repository does not hold what the journal says. */
export class LineageCorruptError extends define('LINEAGE_CORRUPT', false) {}
/** The guard refused an operation; the message says what would be needed. */
export class MarkspaceDeniedError extends define('MARKSPACE_DENIED', false) {}
/** A message does not match its schema. */
export class MessageInvalidError extends define('MESSAGE_INVALID', false) {}
/** The model answered with an error that a second try would repeat. */
export class ModelFailedError extends define('MODEL_FAILED', false) {}
/** The model could not be reached, or was overloaded, after every allowed retry. */
export class ModelUnavailableError extends define('MODEL_UNAVAILABLE', true) {}
/** The niche itself threw; the situation has no score. */
export class NicheFailedError extends define('NICHE_FAILED', false) {}
/** A module named in the configuration cannot be loaded, or exports the wrong thing. */
export class PluginInvalidError extends define('PLUGIN_INVALID', false) {}
/** A policy outside the agent refused; nothing happened. */
export class PolicyRefusedError extends define('POLICY_REFUSED', false) {}
/** Something this machine must have is missing; the message says how to get it. */
export class PrerequisiteMissingError extends define('PREREQUISITE_MISSING', false) {}
/** The user or a supervisor stopped the run; `resume` continues it. */
export class RunCancelledError extends define('RUN_CANCELLED', false) {}
/** The run directory was written by another version of the format. */
export class RunFormatError extends define('RUN_FORMAT', false) {}
/** Another live process holds the run. */
export class RunLockedError extends define('RUN_LOCKED', true) {}
/** There is no run at that place. */
export class RunNotFoundError extends define('RUN_NOT_FOUND', false) {}
/** The sandbox itself failed. A candidate's own non-zero exit is a result, not this. */
export class SandboxUnavailableError extends define('SANDBOX_UNAVAILABLE', true) {}
/** A write to the run directory failed: disk full, no permission, read-only file system. */
export class StorageFailedError extends define('STORAGE_FAILED', false) {}
/** A training came to nothing, and would again: an unusable dataset, a loss that is no number. */
export class TrainingFailedError extends define('TRAINING_FAILED', false) {}
/** A file of weights cannot be used; the message names the file and the tensor. */
export class WeightsInvalidError extends define('WEIGHTS_INVALID', false) {}

/** Turns anything thrown into text for people: the message, then the causes. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at !== undefined && at !== null && parts.length < 5; ) {
    parts.push(at instanceof Error ? at.message : String(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(': ');
}
