import type { RandomStream } from '../../core/random.ts';
import { applyEdits, type Change, type Edit } from './edit.ts';
import { unresolvedNames } from './names.ts';
import { type Declaration, type Program, parseProgram } from './source.ts';

/** Gives a number the value that the peer has under the same name. */
export function adoptConstant(own: Program, peer: Program, random: RandomStream): Change | null {
  const options = differing(own, peer).filter(({ mine, theirs }) => {
    return mine.value?.type === 'Literal' && theirs.value?.type === 'Literal';
  });
  if (options.length === 0) return null;
  const { mine, theirs } = random.pick(options);
  const text = valueText(peer, theirs);
  return {
    operator: 'adopt-constant',
    note: `${mine.name}: ${valueText(own, mine)} -> ${text}`,
    edits: [{ start: mine.value!.start, end: mine.value!.end, text }],
  };
}

/** Replaces a function by the peer's of the same name, together with what only the peer has and it needs. */
export function adoptFunction(own: Program, peer: Program, random: RandomStream): Change | null {
  const options = differing(own, peer).filter(({ theirs }) => theirs.kind === 'function');
  if (options.length === 0) return null;
  const { mine, theirs } = random.pick(options);
  return withDependencies('adopt-function', mine.name, own, peer, [replacement(mine, theirs, peer)]);
}

/** Replaces every function that differs, and keeps one's own numbers. */
export function adoptFunctions(own: Program, peer: Program): Change | null {
  const options = differing(own, peer).filter(({ theirs }) => theirs.kind === 'function');
  if (options.length === 0) return null;
  const edits = options.map(({ mine, theirs }) => replacement(mine, theirs, peer));
  return withDependencies('adopt-functions', options.map((o) => o.mine.name).join(', '), own, peer, edits);
}

/** Declarations that both programs have under one name, of one kind, and not with one text. */
function differing(own: Program, peer: Program): { mine: Declaration; theirs: Declaration }[] {
  return [...own.declarations.values()].flatMap((mine) => {
    const theirs = peer.declarations.get(mine.name);
    if (theirs === undefined || theirs.kind !== mine.kind || theirs.value === null || mine.value === null) return [];
    return valueText(own, mine) === valueText(peer, theirs) ? [] : [{ mine, theirs }];
  });
}

function valueText(program: Program, { value }: Declaration): string {
  return value === null ? '' : program.text.slice(value.start, value.end);
}

/** With its comment when both are exported or neither is; otherwise the bare function, so that exports stay as they are. */
function replacement(mine: Declaration, theirs: Declaration, peer: Program): Edit {
  if (mine.isExported === theirs.isExported) {
    return { start: mine.start, end: mine.end, text: peer.text.slice(theirs.start, theirs.end) };
  }
  return { start: mine.value!.start, end: mine.value!.end, text: valueText(peer, theirs) };
}

/** Adds the peer's declarations that the edited program lacks, until nothing is lacking or the peer has no more. */
function withDependencies(operator: string, note: string, own: Program, peer: Program, edits: readonly Edit[]): Change {
  const known = unresolvedNames(own);
  const imported: string[] = [];
  let all = [...edits];
  for (;;) {
    const program = parseProgram(applyEdits(own.text, all));
    if (program === null) break;
    const missing = [...unresolvedNames(program)].filter((name) => !known.has(name) && !imported.includes(name));
    const found = missing.filter((name) => peer.declarations.has(name));
    if (found.length === 0) break;
    imported.push(...found);
    all = [...edits, ...additions(own, peer, imported)];
  }
  return { operator, note: imported.length === 0 ? note : `${note} with ${imported.join(', ')}`, edits: all };
}

/** Functions go to the end of the file; values go before everything that may use them at import. */
function additions(own: Program, peer: Program, names: readonly string[]): Edit[] {
  const wanted = names.map((name) => peer.declarations.get(name)!).sort((a, b) => a.start - b.start);
  const texts = (kind: Declaration['kind']) => {
    return wanted.filter((d) => d.kind === kind).map((d) => peer.text.slice(d.start, d.end));
  };
  const end = own.text.trimEnd().length;
  const top = own.importsEnd;
  return [
    {
      start: end,
      end,
      text: texts('function')
        .map((text) => `\n\n${text}`)
        .join(''),
    },
    {
      start: top,
      end: top,
      text: texts('variable')
        .map((text) => (top === 0 ? `${text}\n` : `\n${text}`))
        .join(''),
    },
  ];
}
