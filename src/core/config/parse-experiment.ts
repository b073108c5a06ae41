import { z } from 'zod';
import { ConfigInvalidError } from '../errors.ts';
import { checkArms } from './check-arms.ts';
import { checkMarkspace } from './check-markspace.ts';
import { checkTraining } from './check-training.ts';
import { type ExperimentConfig, experimentSchema } from './experiment-schema.ts';

export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/**
 * Validates an experiment.
 * @param locate - Turns a path into a place such as `experiment.yaml:12:3`.
 * @throws {ConfigInvalidError} naming every offending path, not only the first.
 */
export function parseExperiment(
  input: unknown,
  locate: (path: readonly PropertyKey[]) => string = () => '',
): ExperimentConfig {
  const parsed = experimentSchema.safeParse(input);
  const problems = parsed.success ? checkReferences(parsed.data) : parsed.error.issues.flatMap(problemsOf);
  if (parsed.success && problems.length === 0) return Object.freeze(parsed.data);
  const lines = problems.map(({ path, message }) => {
    const place = locate(path);
    return `  ${place === '' ? '' : `${place} `}${path.map(String).join('.') || '(top level)'}: ${message}`;
  });
  throw new ConfigInvalidError(`the experiment is not valid:\n${lines.join('\n')}`);
}

function problemsOf(issue: z.core.$ZodIssue): ConfigProblem[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, message: issue.message }];
  return issue.keys.map((key) => {
    const known = knownKeys(issue.path);
    const nearest = known.map((k) => ({ k, d: distance(key, k) })).sort((a, b) => a.d - b.d)[0];
    const hint =
      nearest !== undefined && nearest.d <= Math.max(2, key.length / 3)
        ? `did you mean ${JSON.stringify(nearest.k)}?`
        : `known keys: ${known.join(', ')}`;
    return { path: [...issue.path, key], message: `unknown key; ${hint}` };
  });
}

/** Names that only make sense together, once every shape is right. */
function checkReferences(config: ExperimentConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const [id, { model }] of Object.entries(config.lineages)) {
    if (config.models[model] === undefined && !/^mutator:(numeric|structural)$/.test(model)) {
      const known = ['mutator:numeric', 'mutator:structural', ...Object.keys(config.models)].join(', ');
      problems.push({ path: ['lineages', id, 'model'], message: `no model ${JSON.stringify(model)}; known: ${known}` });
    }
  }
  for (const [name, model] of Object.entries(config.models)) {
    if (model.kind === 'cassette' && model.mode !== 'replay' && model.of === undefined) {
      problems.push({ path: ['models', name, 'of'], message: `mode ${model.mode} needs the model that is recorded` });
    }
  }
  if (config.actors.trainer !== undefined && Object.values(config.lineages).every((l) => l.training === undefined)) {
    problems.push({ path: ['actors', 'trainer'], message: 'no lineage has training: it would never be heard' });
  }
  problems.push(...checkTraining(config), ...checkArms(config));
  const { stage, selection } = config.items;
  if (stage !== undefined && stage.items >= selection) {
    problems.push({
      path: ['items', 'stage', 'items'],
      message: `must be below items.selection, which is ${selection}`,
    });
  }
  for (const list of ['arms', 'seeds'] as const) {
    if (new Set<unknown>(config[list]).size !== config[list].length)
      problems.push({ path: [list], message: 'each may be named once' });
  }
  return [...problems, ...checkMarkspace(config.markspace, Object.keys(config.lineages))];
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
}

/** The experiment file's JSON Schema, for editors and for suggestions. */
export function experimentJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(experimentSchema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
}

function knownKeys(path: readonly PropertyKey[]): string[] {
  let nodes: SchemaNode[] = [experimentJsonSchema() as SchemaNode];
  const unfold = (node: SchemaNode): SchemaNode[] => [
    node,
    ...[...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap(unfold),
  ];
  for (const part of path) {
    nodes = nodes.flatMap(unfold).flatMap((node) => {
      const next = node.properties?.[String(part)] ?? node.additionalProperties;
      return typeof next === 'object' ? [next] : [];
    });
  }
  return [...new Set(nodes.flatMap(unfold).flatMap((node) => Object.keys(node.properties ?? {})))];
}

/** Edit distance (Levenshtein 1966) between two short words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
