import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMap, isScalar, LineCounter, type Node, parse, parseDocument } from 'yaml';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import { parseExperiment } from '../core/config/parse-experiment.ts';
import { ConfigInvalidError, describeError } from '../core/errors.ts';

export interface LoadedExperiment {
  readonly config: ExperimentConfig;
  /** The experiment file, absolute. */
  readonly file: string;
  /** Its directory: what relative paths in it are relative to. */
  readonly dir: string;
}

/**
 * Loads an experiment by path (a file, or a directory that holds
 * `experiment.yaml`) or by name (`packing` is `experiments/packing`, in the
 * current directory or among the shipped ones).
 * @param overrides - `a.b=c` texts; values are YAML.
 * @throws {ConfigInvalidError} naming file, line, path, and what was expected.
 */
export function loadExperiment(nameOrPath: string, overrides: readonly string[] = []): LoadedExperiment {
  const file = locate(nameOrPath);
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new ConfigInvalidError(
      `${file} is not valid YAML:\n${document.errors.map((e) => `  ${e.message}`).join('\n')}`,
    );
  }
  const input = toInput(file, document);
  // Anything but keys is for the schema to refuse.
  if (typeof input === 'object') for (const override of overrides) applyOverride(input, override);
  const place = (path: readonly PropertyKey[]) => {
    const offset = offsetOf(document.contents as Node | null, path);
    if (offset === null) return file;
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  return { config: parseExperiment(input, place), file, dir: dirname(file) };
}

/** @throws {ConfigInvalidError} for aliases that lead nowhere, or multiply beyond reason. */
function toInput(file: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS() ?? {};
  } catch (cause) {
    throw new ConfigInvalidError(`${file} is not valid YAML: ${describeError(cause)}`, { cause });
  }
}

function locate(nameOrPath: string): string {
  const shipped = join(packageRoot(), 'experiments', nameOrPath);
  const candidates = [resolve(nameOrPath), resolve('experiments', nameOrPath), shipped];
  for (const candidate of isAbsolute(nameOrPath) ? candidates.slice(0, 1) : candidates) {
    if (!existsSync(candidate)) continue;
    const file = statSync(candidate).isDirectory() ? join(candidate, 'experiment.yaml') : candidate;
    if (existsSync(file)) return file;
  }
  throw new ConfigInvalidError(
    `no experiment ${JSON.stringify(nameOrPath)}: looked for ${candidates.join(', ')}; give a name, a directory or a .yaml file`,
  );
}

/** The nearest directory above this module that holds the package's manifest. */
export function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json'))) dir = dirname(dir);
  return dir;
}

/** Sets one value in the raw experiment, before it is validated. */
function applyOverride(input: unknown, override: string): void {
  const at = override.indexOf('=');
  if (at <= 0) throw new ConfigInvalidError(`--set ${override}: write path=value, such as budget.generations=6`);
  const path = override.slice(0, at).split('.');
  const foreign = path.find((part) => ['__proto__', 'constructor', 'prototype', ''].includes(part));
  if (foreign !== undefined) {
    throw new ConfigInvalidError(`--set ${override}: ${JSON.stringify(foreign)} is not a key`);
  }
  let node = input as Record<string, unknown>;
  for (const part of path.slice(0, -1)) {
    const next = node[part];
    if (next === undefined || next === null) node[part] = {};
    else if (typeof next !== 'object')
      throw new ConfigInvalidError(`--set ${override}: ${part} holds a value, not keys`);
    node = node[part] as Record<string, unknown>;
  }
  try {
    node[path.at(-1)!] = parse(override.slice(at + 1));
  } catch (cause) {
    throw new ConfigInvalidError(`--set ${override}: the value is not valid YAML: ${describeError(cause)}`, { cause });
  }
}

/** Where a path, or the deepest part of it that exists, stands in the file. */
function offsetOf(node: Node | null, path: readonly PropertyKey[]): number | null {
  let offset = node?.range?.[0] ?? null;
  let at: unknown = node;
  for (const part of path) {
    if (!isMap(at)) break;
    const pair = at.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
    if (pair === undefined) break;
    offset = (pair.key as Node).range?.[0] ?? offset;
    at = pair.value;
  }
  return offset;
}
