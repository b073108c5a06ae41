import { GenomeInvalidError } from '../../../src/core/errors.ts';
import type { FileTree } from '../../../src/core/file-tree.ts';
import { genomeManifestName, parseGenomeManifest } from '../../../src/core/genome.ts';
import type { GenomeId, LineageId } from '../../../src/core/ids.ts';
import type { SandboxAccess } from '../../sandbox-access.ts';
import { readReport } from './check-report.ts';
import { type Checker, checkersFor } from './checkers.ts';
import { type Finding, wordFindings } from './finding.ts';
import { applyRules, type RefuseRule } from './refuse-rules.ts';
import { changedFiles, dialectOf, type Entry, entriesOf } from './sources.ts';
import { checkText } from './text-checks.ts';

export interface ValidationPorts {
  readonly genomes: { get(id: GenomeId): Promise<FileTree> };
  readonly sandboxes: SandboxAccess;
  /** Wall-clock limit of each language's checks, in milliseconds. */
  readonly importWallMs: number;
  /** Constructs that the experiment does not allow. */
  readonly refuse: readonly RefuseRule[];
}

/**
 * Looks at a child before anything of it is run for its own sake: the
 * experiment's rules, then a parse of every file that its parent does not
 * have, then an import of both entry points, in a fresh sandbox that is thrown
 * away. It is there for honest mistakes. What is imported runs in the process
 * that imports it and can read whatever that knows; a child that lies its way
 * through has won nothing, because only consequences select.
 * @returns what is wrong, in words that are the same for the same child, or `null`.
 */
export async function validateGenome(
  ports: ValidationPorts,
  request: { readonly owner: LineageId; readonly parent: GenomeId; readonly child: GenomeId },
  signal: AbortSignal,
): Promise<string | null> {
  const tree = await ports.genomes.get(request.child);
  const changed = changedFiles(await ports.genomes.get(request.parent), tree);
  const { entries, missing } = readEntries(tree);
  const sources = changed.map((path): Entry => {
    return entries.find((entry) => entry.path === path) ?? { path, dialect: dialectOf(path, tree, null) };
  });
  const texts = sources.flatMap(({ path, dialect }) => (dialect && checkText(path, dialect, tree)) ?? []);
  const findings = [...applyRules(ports.refuse, changed, tree), ...texts, ...missing];
  const readable = sources.filter(({ path }) => !texts.some((finding) => finding.path === path));
  // What is refused already is only parsed, so that everything that is wrong is said at once.
  const checkers = checkersFor(readable, findings.length === 0 ? entries : []);
  if (checkers.length > 0) findings.push(...(await runCheckers(ports, { ...request, tree, checkers }, signal)));
  return findings.length === 0 ? null : wordFindings(findings, tree);
}

function readEntries(tree: FileTree): ReturnType<typeof entriesOf> {
  try {
    return entriesOf(parseGenomeManifest(tree), tree);
  } catch (error) {
    if (!(error instanceof GenomeInvalidError)) throw error;
    const place = { subject: genomeManifestName, path: genomeManifestName, line: 0, column: 0 };
    return {
      entries: [],
      missing: [{ stage: 'parse', ...place, message: error.message.replace(`${genomeManifestName}: `, '') }],
    };
  }
}

async function runCheckers(
  ports: ValidationPorts,
  at: {
    readonly owner: LineageId;
    readonly child: GenomeId;
    readonly tree: FileTree;
    readonly checkers: readonly Checker[];
  },
  signal: AbortSignal,
): Promise<Finding[]> {
  // No genome can hold its own hash, so no file can print it without meaning to deceive.
  const token = at.child;
  const findings: Finding[] = [];
  await using sandbox = await ports.sandboxes.open(
    { owner: at.owner, files: at.tree, mounts: [], gatewaySocket: null },
    signal,
  );
  for (const checker of at.checkers) {
    const ended = await sandbox.exec(checker.argv, {
      signal,
      timeoutMs: ports.importWallMs,
      maxOutputBytes: ports.sandboxes.maxOutputBytes,
      stdin: [token, ...checker.orders.map((order) => order.join('\t'))].join('\n'),
    });
    signal.throwIfAborted();
    findings.push(...readReport(checker, token, ended, ports.importWallMs));
  }
  return findings;
}
