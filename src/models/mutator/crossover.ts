import { applyEdits, type Change, type Edit } from './edit.ts';
import type { Declaration, Grammar, Menu, Operator, Outline } from './grammar.ts';

/** What can be taken over from a peer's file of the same name. */
export function crossoverOf<P extends Outline>(grammar: Grammar<P>): Menu<P> {
  return [
    [adoptFunction(grammar), 3],
    [adoptConstant, 2],
    [adoptFunctions(grammar), 1],
  ];
}

/** Gives a number the value that the peer has under the same name. */
const adoptConstant: Operator<Outline> = (own, random, peer) => {
  const options = differing(own, peer).filter(({ mine, theirs }) => mine.isConstant && theirs.isConstant);
  if (peer === null || options.length === 0) return null;
  const { mine, theirs } = random.pick(options);
  const text = valueText(peer, theirs);
  return {
    operator: 'adopt-constant',
    note: `${mine.name}: ${valueText(own, mine)} -> ${text}`,
    edits: [{ start: mine.value!.start, end: mine.value!.end, text }],
  };
};

/** Replaces a function by the peer's of the same name, together with what only the peer has and it needs. */
function adoptFunction<P extends Outline>(grammar: Grammar<P>): Operator<P> {
  return (own, random, peer) => {
    const options = differing(own, peer).filter(({ theirs }) => theirs.kind === 'function');
    if (peer === null || options.length === 0) return null;
    const { mine, theirs } = random.pick(options);
    const edits = [replacement(mine, theirs, peer)];
    return withDependencies(grammar, { operator: 'adopt-function', note: mine.name, edits }, own, peer);
  };
}

/** Replaces every function that differs, and keeps one's own numbers. */
function adoptFunctions<P extends Outline>(grammar: Grammar<P>): Operator<P> {
  return (own, _random, peer) => {
    const options = differing(own, peer).filter(({ theirs }) => theirs.kind === 'function');
    if (peer === null || options.length === 0) return null;
    const edits = options.map(({ mine, theirs }) => replacement(mine, theirs, peer));
    const note = options.map((o) => o.mine.name).join(', ');
    return withDependencies(grammar, { operator: 'adopt-functions', note, edits }, own, peer);
  };
}

/** Declarations that both programs have under one name, of one kind, and not with one text. */
function differing(own: Outline, peer: Outline | null): { mine: Declaration; theirs: Declaration }[] {
  return [...own.declarations.values()].flatMap((mine) => {
    const theirs = peer?.declarations.get(mine.name);
    if (theirs === undefined || theirs.kind !== mine.kind || theirs.value === null || mine.value === null) return [];
    return valueText(own, mine) === valueText(peer!, theirs) ? [] : [{ mine, theirs }];
  });
}

function valueText(program: Outline, { value }: Declaration): string {
  return value === null ? '' : program.text.slice(value.start, value.end);
}

/** With its comment when both are exported or neither is; otherwise the bare function, so that exports stay as they are. */
function replacement(mine: Declaration, theirs: Declaration, peer: Outline): Edit {
  if (mine.isExported === theirs.isExported) {
    return { start: mine.start, end: mine.end, text: peer.text.slice(theirs.start, theirs.end) };
  }
  return { start: mine.value!.start, end: mine.value!.end, text: valueText(peer, theirs) };
}

/** Adds the peer's declarations that the edited program lacks, until nothing is lacking or the peer has no more. */
function withDependencies<P extends Outline>(
  grammar: Grammar<P>,
  { operator, note, edits }: Change,
  own: P,
  peer: P,
): Change {
  const known = grammar.unresolvedNames(own);
  const imported: string[] = [];
  let all = [...edits];
  for (;;) {
    const program = grammar.parse(applyEdits(own.text, all));
    if (program === null) break;
    const missing = [...grammar.unresolvedNames(program)].filter(
      (name) => !known.has(name) && !imported.includes(name),
    );
    const found = missing.filter((name) => peer.declarations.has(name));
    if (found.length === 0) break;
    imported.push(...found);
    all = [...edits, ...additions(own, peer, imported, grammar.functionGap)];
  }
  return { operator, note: imported.length === 0 ? note : `${note} with ${imported.join(', ')}`, edits: all };
}

/** Functions go to the end of the file; values go before everything that may use them at import. */
function additions(own: Outline, peer: Outline, names: readonly string[], gap: string): Edit[] {
  const wanted = names.map((name) => peer.declarations.get(name)!).sort((a, b) => a.start - b.start);
  const texts = (kind: Declaration['kind']) => {
    return wanted.filter((d) => d.kind === kind).map((d) => peer.text.slice(d.start, d.end));
  };
  const functions = texts('function').map((text) => `${gap}${text}`);
  const { importsEnd: top, functionsEnd: end } = own;
  const values = texts('variable').map((text) => (top === 0 ? `${text}\n` : `\n${text}`));
  return [
    { start: end, end, text: functions.join('') },
    { start: top, end: top, text: values.join('') },
  ];
}
