import { codeOf, importsOf, resolveImport, type SourceFile } from './source-scan.ts';

/** Parts of layer 1: each knows the core and itself, never a sibling. */
const adapters = [
  ...['bus', 'models', 'lineage', 'training', 'observers', 'analysis'].map((name) => `src/${name}`),
  'markspace',
  'sandboxes',
];
/** What layer 2 may know of layer 1. */
const ports = [
  'src/bus/bus.ts',
  'src/lineage/lineage.ts',
  'src/lineage/provenance.ts',
  'src/analysis/run-record.ts',
  'src/models/serving.ts',
  'src/models/trainer.ts',
  'src/analysis/statistics.ts',
  'sandboxes/sandbox.ts',
  'sandboxes/scratch.ts',
  'sandboxes/gateway/gateway.ts',
  'markspace/guard.ts',
  'markspace/mark.ts',
  'markspace/store.ts',
];
const surface = ['src/cli', 'src/server', 'web', 'experiments', 'examples'];

/** Third-party clients, and the one place that may know each. */
const clients: readonly (readonly [client: RegExp, home: string])[] = [
  [/^openai(\/|$)/, 'src/models/'],
  [/^simple-git(\/|$)/, 'src/lineage/'],
  [/^@nats-io\//, 'src/bus/'],
  [/^pino(-pretty)?(\/|$)/, 'src/core/log.ts'],
  [/^pure-rand(\/|$)/, 'src/core/'],
  [/^commander(\/|$)/, 'src/cli/'],
  [/^(dockerode|tar-stream)(\/|$)/, 'sandboxes/docker/'],
];

/** Things that make a run depend on more than its configuration, and where they may be. */
const ambient: readonly (readonly [what: string, use: RegExp, homes: readonly string[]])[] = [
  ['process.env', /(?<![\w$])process\s*\??\.\s*env\b/, ['src/cli/']],
  ['Date.now', /(?<![\w$.])Date\s*\.\s*now\b/, ['src/core/clock.ts']],
  ['new Date()', /\bnew\s+Date\s*(\(\s*\)|(?![\w\s(]))/, ['src/core/clock.ts']],
  ['performance.now', /(?<![\w$])performance\s*\.\s*now\b/, ['src/core/clock.ts']],
  ['Math.random', /(?<![\w$.])Math\s*\.\s*random\b/, ['src/core/random.ts']],
];

/** The unit a file belongs to: what may import whom is a matter of units. */
export function unitOf(path: string): string {
  const shared = /^(actors|src\/niches)\/[^/]+$/.exec(path);
  if (shared) return `${shared[1]} (shared)`;
  const [unit] = /^(actors\/[^/]+|src\/niches\/[^/]+|src\/index\.ts|src\/[^/]+|[^/]+)/.exec(path) ?? [path];
  return unit;
}

function isAllowed(from: string, target: string): boolean {
  const [importer, imported] = [unitOf(from), unitOf(target)];
  if (imported === importer) return true;
  if (surface.includes(importer)) return target === 'src/index.ts';
  if (surface.includes(imported)) return false;
  if (importer === 'src/runtime' || importer === 'src/index.ts') return true;
  if (imported === 'src/core') return true;
  const [role] = /^(actors|src\/niches)\//.exec(importer) ?? [];
  return role !== undefined && (ports.includes(target) || imported === `${role.slice(0, -1)} (shared)`);
}

/** What a file does that its place forbids, one line each, naming both sides. */
export function violationsOf(file: SourceFile): string[] {
  return [...wrongImports(file), ...wrongAmbients(file)];
}

function wrongImports(file: SourceFile): string[] {
  return importsOf(file).flatMap((specifier) => {
    const target = resolveImport(file.path, specifier);
    // `import { env } from 'node:process'` would be a second spelling of `process.env`; the global does all we need.
    if (/^(node:)?process$/.test(specifier)) return [`${file.path} must not use process.env: import of ${specifier}`];
    if (specifier.startsWith('.')) {
      return isAllowed(file.path, target) ? [] : [`${file.path} must not import ${target}`];
    }
    if (specifier === 'galapagos') {
      return surface.includes(unitOf(file.path)) ? [] : [`${file.path} must not import the package itself`];
    }
    const [client] = clients.filter(([pattern]) => pattern.test(specifier));
    if (client === undefined || file.path.startsWith(client[1])) return [];
    return [`${file.path} must not import ${specifier}: only ${client[1]} may`];
  });
}

function wrongAmbients(file: SourceFile): string[] {
  const code = codeOf(file.text);
  return ambient.flatMap(([what, use, homes]) => {
    if (homes.some((home) => file.path.startsWith(home)) || !use.test(code)) return [];
    return [`${file.path} must not use ${what}: only ${homes.join(' and ')} may`];
  });
}

/** Every file in a layer that the table knows; anything else has no place in these folders. */
export function hasPlace(path: string): boolean {
  const unit = unitOf(path);
  return (
    [
      'src/core',
      'src/runtime',
      'src/index.ts',
      'actors (shared)',
      'src/niches (shared)',
      ...adapters,
      ...surface,
    ].includes(unit) || /^(actors|src\/niches)\//.test(unit)
  );
}
