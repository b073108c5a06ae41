import type { FileTree } from '../../src/core/file-tree.ts';
import { genomeManifestName, parseGenomeManifest } from '../../src/core/genome.ts';
import { sha256 } from '../../src/core/json.ts';
import { type RandomStream, randomStream } from '../../src/core/random.ts';
import { type ShamSource, shamFile } from './sham.ts';

/** A file, or a directory by the names in it. */
type Node = { readonly path: string; readonly shape: string } | Map<string, Node>;

/** What a name keeps of itself: what kind of file it is. Everything else is `.txt`. */
const endings = /\.(?:[cm]?[jt]sx?|json|md|py|sh|rb|go|rs|java|c|h|cpp|yaml|toml|csv|html|css)$/;
/** Programs that a manifest may go on naming. */
const programs = new Set(['node', 'python3', 'python', 'bash', 'sh']);

const letters = [...'abcdefghijklmnopqrstuvwxyz'];
/** Neither `genome` nor `metadata` has as many. */
const nameLength = 7;

/**
 * A useless genome in place of a peer's: as many files, as large, in
 * directories of the same form, under names that nobody chose. What is left of
 * a name is its ending; which new name a file gets depends on sizes, contents
 * and endings alone, so that two genomes whose names differ look the same.
 */
export function* shamTree(
  tree: FileTree,
  source: Omit<ShamSource, 'path'>,
): Generator<[path: string, bytes: Uint8Array]> {
  const root: Map<string, Node> = new Map();
  for (const [path, { bytes }] of tree) {
    if (path === genomeManifestName) continue;
    const segments = path.split('/');
    const name = segments.pop()!;
    let at = root;
    for (const segment of segments) {
      const inner = (at.get(segment) ?? new Map()) as Map<string, Node>;
      at.set(segment, inner);
      at = inner;
    }
    at.set(name, { path, shape: `${endingOf(path)} ${bytes.byteLength} ${sha256(bytes)}` });
  }
  const random = randomStream(source.seed, 'sham names', source.lineage, source.generation);
  const names = new Map(renamed(root, '', random));
  if (tree.has(genomeManifestName)) yield [genomeManifestName, shamManifest(tree, names, source)];
  for (const [path, name] of names) yield [name, shamFile(tree.get(path)!.bytes, { ...source, path: name })];
}

const endingOf = (path: string) => endings.exec(path)?.[0] ?? '.txt';

/** Equal for what is equal but for its names. */
function shapeOf(node: Node): string {
  return node instanceof Map ? `(${[...node.values()].map(shapeOf).sort().join(' ')})` : node.shape;
}

/** Old and new path of every file. */
function* renamed(
  directory: Map<string, Node>,
  under: string,
  random: RandomStream,
): Generator<[from: string, to: string]> {
  const taken = new Set<string>();
  const inOrder = [...directory.values()].map((node) => ({ node, shape: shapeOf(node) }));
  inOrder.sort((a, b) => Number(a.shape > b.shape) - Number(a.shape < b.shape));
  for (const { node } of inOrder) {
    let word: string;
    do word = Array.from({ length: nameLength }, () => random.pick(letters)).join('');
    while (taken.has(word));
    taken.add(word);
    if (node instanceof Map) yield* renamed(node, `${under}${word}/`, random);
    else yield [node.path, `${under}${word}${endingOf(node.path)}`];
  }
}

/** A manifest that starts the renamed files, with no word of the peer's; what is none is as useless as the rest. */
function shamManifest(tree: FileTree, names: ReadonlyMap<string, string>, source: Omit<ShamSource, 'path'>) {
  const { bytes } = tree.get(genomeManifestName)!;
  const shown = (command: readonly string[]) =>
    command.flatMap((word) => (programs.has(word) ? word : (names.get(word.replace(/^\.\//, '')) ?? [])));
  try {
    const { task, meta } = parseGenomeManifest(tree);
    const useless = { task: { command: shown(task.command) }, meta: { command: shown(meta.command) } };
    return new TextEncoder().encode(`${JSON.stringify(useless)}\n`);
  } catch {
    return shamFile(bytes, { ...source, path: genomeManifestName });
  }
}
