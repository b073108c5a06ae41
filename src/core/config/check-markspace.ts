import { isToken } from '../ids.ts';
import { type Duration, durationOf, type MarkspaceConfig, type ScopeConfig } from './markspace-schema.ts';

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Scopes the runtime keeps for itself; of the first two an experiment may limit the use. */
const limitable = ['strategies', 'models'];
const reserved = ['lineages', 'apart'];
/** Who acts in a run and is no lineage. */
export const operator = 'operator';
export const planter = 'instruments';

const openness = ['classified', 'protected', 'open'];

/** What of a markspace only makes sense together, or not at all. */
export function checkMarkspace(space: MarkspaceConfig, lineages: readonly string[]): Problem[] {
  const { regulation } = space;
  return [
    ...checkNames(space, lineages),
    ...Object.entries(space.scopes).flatMap(([path, scope]) => checkScope(space, path, scope, lineages)),
    ...durationsIn(space).flatMap(([path, given]) => checkUnit(path, given, space.decay.clock)),
    ...(regulation?.barriers ?? []).flatMap(({ scope, lineage }, i) => {
      const at = ['markspace', 'regulation', 'barriers', i];
      const top = scope.split('/')[0]!;
      const isThere = [...limitable, ...Object.keys(space.scopes)].some((path) => path.split('/')[0] === top);
      return [
        ...(isThere
          ? []
          : [{ path: [...at, 'scope'], message: `no scope ${JSON.stringify(scope)} in markspace.scopes` }]),
        ...unknownLineages(lineage === undefined ? [] : [lineage], lineages, [...at, 'lineage']),
      ];
    }),
    ...(regulation?.budgets ?? []).flatMap(({ lineage }, i) =>
      unknownLineages(lineage === undefined ? [] : [lineage], lineages, [
        'markspace',
        'regulation',
        'budgets',
        i,
        'lineage',
      ]),
    ),
  ];
}

function checkNames({ scopes, regulation }: MarkspaceConfig, lineages: readonly string[]): Problem[] {
  const isUsed = Object.keys(scopes).length > 0 || regulation !== undefined;
  const taken = isUsed ? lineages.filter((id) => id === operator || id === planter) : [];
  return [
    ...taken.map((id) => ({
      path: ['lineages', id],
      message: `the run itself is called ${id} in its markspace: use another id`,
    })),
    ...checkProbes(Object.keys(scopes), regulation?.probes?.scope),
  ];
}

function checkProbes(paths: readonly string[], scope: string | undefined): Problem[] {
  if (scope === undefined) return [];
  const at = ['markspace', 'regulation', 'probes'];
  const tops = paths.map((path) => path.split('/')[0]!);
  const isTaken = [...limitable, ...reserved, ...tops].includes(scope);
  const isAnswerable = tops.some((top) => !limitable.includes(top));
  return [
    ...(isTaken
      ? [{ path: [...at, 'scope'], message: `${scope} is a scope already: probes need one of their own` }]
      : []),
    ...(isAnswerable
      ? []
      : [{ path: at, message: 'probes need a scope in which lineages can report (markspace.scopes)' }]),
  ];
}

function checkScope(space: MarkspaceConfig, path: string, scope: ScopeConfig, lineages: readonly string[]): Problem[] {
  const at = ['markspace', 'scopes', path];
  const top = path.split('/')[0]!;
  if (!path.split('/').every(isToken)) {
    return [{ path: at, message: 'not a scope: write words of a-z, 0-9 and "-", joined by "/"' }];
  }
  if (reserved.includes(top)) return [{ path: at, message: `${top} belongs to the runtime: choose another name` }];
  if (limitable.includes(top)) {
    const other = Object.keys(scope).filter((key) => key !== 'rate' && !(key === 'quota' && top === 'strategies'));
    const isWhole = path === top && other.length === 0;
    return isWhole
      ? []
      : [{ path: at, message: `of ${top} only the use can be limited: give a rate and nothing else` }];
  }
  const { deferred } = scope;
  const ttl = inherited(space, path, ({ intentTtl }) => intentTtl) ?? space.decay.intentTtl;
  const above = inherited(space, parentOf(path), ({ visibility }) => visibility) ?? 'open';
  const isWider = openness.indexOf(scope.visibility ?? above) > openness.indexOf(above);
  return [
    ...unknownLineages(scope.members ?? [], lineages, [...at, 'members']),
    ...keptOut(space, path, lineages).map((id) => ({
      path: [...at, 'members'],
      message: `${id} has rights in ${parentOf(path)}, and rights pass down: name it here, or name members there`,
    })),
    ...(isWider
      ? [{ path: [...at, 'visibility'], message: `cannot be ${scope.visibility} below what is ${above}` }]
      : []),
    ...(deferred !== undefined && durationOf(deferred.every) >= durationOf(ttl)
      ? [
          {
            path: [...at, 'deferred', 'every'],
            message: `must be shorter than an intent lives (intentTtl, ${ttl}), or none is alive when it is judged`,
          },
        ]
      : []),
  ];
}

/** Lineages that a scope's list of members means to keep out of it, and does not. */
function keptOut({ scopes }: MarkspaceConfig, path: string, lineages: readonly string[]): readonly string[] {
  const { members } = scopes[path]!;
  if (members === undefined) return [];
  const above = Object.keys(scopes).filter((other) => path.startsWith(`${other}/`));
  return lineages.filter(
    (id) => !members.includes(id) && above.some((other) => (scopes[other]!.members ?? lineages).includes(id)),
  );
}

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** What the nearest scope that says it says, from this one outwards. */
function inherited<T>({ scopes }: MarkspaceConfig, path: string, of: (scope: ScopeConfig) => T | undefined) {
  for (let at = path; at !== ''; at = parentOf(at)) {
    const scope = scopes[at];
    const said = scope === undefined ? undefined : of(scope);
    if (said !== undefined) return said;
  }
  return undefined;
}

function unknownLineages(named: readonly string[], known: readonly string[], path: readonly PropertyKey[]): Problem[] {
  return named
    .filter((id) => !known.includes(id))
    .map((id) => ({ path, message: `no lineage ${JSON.stringify(id)}; there are ${known.join(', ')}` }));
}

function durationsIn({ decay, scopes, regulation }: MarkspaceConfig): [PropertyKey[], Duration | undefined][] {
  const times = ['halfLife', 'warningHalfLife', 'intentTtl'] as const;
  const { envelope, probes } = regulation ?? {};
  return [
    ...times.map((name): [PropertyKey[], Duration] => [['markspace', 'decay', name], decay[name]]),
    ...Object.entries(scopes).flatMap(([path, scope]): [PropertyKey[], Duration | undefined][] => [
      ...times.map((name): [PropertyKey[], Duration | undefined] => [['markspace', 'scopes', path, name], scope[name]]),
      [['markspace', 'scopes', path, 'deferred', 'every'], scope.deferred?.every],
      [['markspace', 'scopes', path, 'rate', 'window'], scope.rate?.window],
    ]),
    [['markspace', 'regulation', 'envelope', 'window'], typeof envelope === 'object' ? envelope.window : undefined],
    [['markspace', 'regulation', 'probes', 'answer'], probes?.answer],
  ];
}

function checkUnit(path: readonly PropertyKey[], given: Duration | undefined, clock: 'wall' | 'rounds'): Problem[] {
  if (given === undefined || (typeof given === 'number') === (clock === 'rounds')) return [];
  const message =
    clock === 'rounds'
      ? `the marks' clock counts rounds (markspace.decay.clock): write a number of rounds, not ${given}`
      : `the marks' clock is the wall clock (markspace.decay.clock): write a time with its unit, such as ${given}h`;
  return [{ path, message }];
}
