import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ZodType } from 'zod';
import { z } from 'zod';
import { ConfigInvalidError, describeError, PluginInvalidError } from '../core/errors.ts';

export type PluginKind = 'actor' | 'niche' | 'model' | 'selection' | 'sandbox';

interface Definition {
  readonly kind: PluginKind;
  readonly name: string;
  readonly params?: ZodType;
}

/** What each kind must bring, in words, for the error that says it is missing. */
const required: Record<PluginKind, { readonly make: string; readonly functions: readonly string[] }> = {
  actor: { make: 'defineActor({ role, name, create })', functions: ['create'] },
  niche: { make: 'defineNiche({ name, params, create })', functions: ['create'] },
  model: { make: 'defineModel({ name, create })', functions: ['create'] },
  selection: { make: 'defineSelection({ name, select })', functions: ['select'] },
  sandbox: { make: 'defineSandbox({ name, create })', functions: ['create'] },
};

/** Whether a configured module is a path rather than a built-in name. */
export function isModulePath(module: string): boolean {
  return /^[./]/.test(module) || /\.[cm]?[jt]s$/.test(module);
}

/**
 * Loads a module named in an experiment and checks that it defines what is
 * asked for.
 * @param dir - What a relative path is relative to.
 * @throws {PluginInvalidError} naming the file and what it should export.
 */
export async function loadPlugin<D extends Definition>(kind: PluginKind, module: string, dir: string): Promise<D> {
  const file = resolve(dir, module);
  if (!existsSync(file)) throw new PluginInvalidError(`${kind} module ${file} does not exist`);
  const exports = await importModule(file);
  const candidates = [exports.default, ...Object.values(exports)];
  const definition = candidates.find((value): value is D => isDefinition(value, kind));
  const { make, functions } = required[kind];
  if (definition === undefined) {
    const other = candidates.find((v): v is Definition => typeof v === 'object' && v !== null && 'kind' in v);
    const found = other === undefined ? 'it exports nothing of the kind' : `it defines a ${other.kind}`;
    throw new PluginInvalidError(`${file}: ${found}; export what ${make} returns`);
  }
  for (const name of functions) {
    if (typeof (definition as unknown as Record<string, unknown>)[name] !== 'function') {
      throw new PluginInvalidError(`${file}: ${kind} ${definition.name} has no function ${name}; use ${make}`);
    }
  }
  return definition;
}

/** @throws {ConfigInvalidError} when the parameters do not fit what the module asks for. */
export function parseParams(definition: Definition, params: unknown): never {
  if (definition.params === undefined) return params as never;
  const parsed = definition.params.safeParse(params ?? {});
  if (parsed.success) return parsed.data as never;
  throw new ConfigInvalidError(`params of ${definition.kind} ${definition.name}:\n${z.prettifyError(parsed.error)}`);
}

function isDefinition(value: unknown, kind: PluginKind): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as Definition).kind === kind &&
    typeof (value as Definition).name === 'string'
  );
}

async function importModule(file: string): Promise<Record<string, unknown>> {
  try {
    const needsTranspiling = /\.[cm]?ts$/.test(file) && !(process.features as { typescript?: unknown }).typescript;
    if (!needsTranspiling) return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    // Node before 22.18 does not run TypeScript itself.
    const { createJiti } = await import('jiti');
    return (await createJiti(import.meta.url).import(file)) as Record<string, unknown>;
  } catch (cause) {
    throw new PluginInvalidError(`${file} cannot be loaded: ${describeError(cause)}`, { cause });
  }
}
