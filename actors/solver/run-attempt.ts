import { parseGenomeManifest } from '../../src/core/genome.ts';
import type { Json } from '../../src/core/json.ts';
import type { RequestOf, ResultOf } from '../../src/core/messages.ts';
import { noUsage } from '../../src/core/records.ts';
import type { GatewayAccess, GenomeReader, SandboxAccess } from '../sandbox-access.ts';

export interface SolverPorts {
  readonly genomes: GenomeReader;
  readonly sandboxes: SandboxAccess;
  /** `null` when task agents have no model. */
  readonly gateways: GatewayAccess | null;
  /** Wall-clock limit of a task agent, in milliseconds. */
  readonly wallMs: number;
  /** Tries when the sandbox itself fails; a failing candidate is a result and is not tried again. */
  readonly maxAttempts: number;
}

const stderrTailChars = 2_000;

/** Deeper JSON than this is no answer: whoever reads it by recursion would not survive every depth. */
const maxDepth = 100;

/**
 * Runs the task agent on one situation in a sandbox of its own. Idempotent:
 * nothing outside the sandbox changes.
 * @throws {SandboxUnavailableError} when the sandbox failed, not the candidate.
 */
export async function runAttempt(
  ports: SolverPorts,
  request: RequestOf<'solver'>,
  signal: AbortSignal,
): Promise<ResultOf<'solver'>> {
  const genome = await ports.genomes.get(request.genome);
  const { task, gateway: access } = parseGenomeManifest(genome);
  const { lineage, generation, model, seed, situation, trial } = request;
  // Each trial has calls and seeds of its own: a re-test that is answered from the first test would repeat it.
  const purpose = trial === undefined ? situation.id : `${situation.id} ${trial}`;
  await using gateway = (await ports.gateways?.open({ lineage, generation, model, seed, purpose }, signal)) ?? null;
  await using sandbox = await ports.sandboxes.open(
    { owner: lineage, files: genome, mounts: [], gatewaySocket: gateway?.socketPath ?? null },
    signal,
  );
  const command = gateway?.commandFor(access, task.command) ?? task.command;
  const ended = await sandbox.exec(command, {
    signal,
    timeoutMs: ports.wallMs,
    maxOutputBytes: ports.sandboxes.maxOutputBytes,
    stdin: JSON.stringify(situation.input),
  });
  // A call that the command left in flight is cancelled and charged now, and so counted below.
  await gateway?.[Symbol.asyncDispose]();
  signal.throwIfAborted();
  gateway?.throwIfFailed();
  const { output, problem } = parseAnswer(ended.stdout);
  return {
    stoppedBy: ended.stoppedBy,
    // A command may end by itself just as its output passes the limit; a stopped one did not succeed.
    exitCode: ended.stoppedBy !== 'exit' && ended.exitCode === 0 ? null : ended.exitCode,
    output,
    problem,
    stderrTail: ended.stderr.slice(-stderrTailChars),
    wallMs: ended.wallMs,
    usage: gateway?.usage() ?? noUsage,
  };
}

function parseAnswer(stdout: string): { output: Json; problem: string | null } {
  if (stdout.trim() === '') return { output: null, problem: 'nothing was printed on stdout' };
  let output: Json;
  try {
    output = JSON.parse(stdout) as Json;
  } catch {
    return { output: null, problem: 'stdout is not one JSON document' };
  }
  const problem = problemOf(output, maxDepth);
  return { output: problem === null ? output : null, problem };
}

/** What keeps parsed JSON from travelling on as a message, or `null`. */
function problemOf(value: Json, depth: number): string | null {
  // `JSON.parse` reads 1e999 as Infinity, which JSON cannot say again.
  if (typeof value === 'number' && !Number.isFinite(value)) return 'stdout holds a number beyond the range of a double';
  if (value === null || typeof value !== 'object') return null;
  if (depth === 0) return `stdout is JSON nested deeper than ${maxDepth} levels`;
  for (const inner of Object.values(value)) {
    const problem = problemOf(inner as Json, depth - 1);
    if (problem !== null) return problem;
  }
  return null;
}
