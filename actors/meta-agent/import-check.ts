import type { FileTree } from '../../src/core/file-tree.ts';
import { parseGenomeManifest } from '../../src/core/genome.ts';

/**
 * The commands that load both entry points of a genome without running them,
 * and exit non-zero when one does not load: JavaScript is imported, Python
 * compiled and imported under another name, shell parsed. A command whose
 * script is none of these must at least exist in the genome.
 * @returns commands to run in the child's own fresh sandbox.
 * @throws {GenomeInvalidError} when the manifest is broken.
 */
export function importChecks(child: FileTree): readonly (readonly string[])[] {
  const manifest = parseGenomeManifest(child);
  const scripts = [...new Set([scriptOf(manifest.task.command, child), scriptOf(manifest.meta.command, child)])];
  const javascript = scripts.filter((s) => /\.[cm]?js$/.test(s));
  const checks: string[][] = [];
  if (javascript.length > 0) {
    // The names are part of the program: with an argument, a script could take itself for the main one.
    const program = `for (const f of ${JSON.stringify(javascript)}) await import(new URL(f, 'file://' + process.cwd() + '/')).catch((e) => { console.error(f + ': ' + (e?.stack ?? e)); process.exit(1); }); process.exit(0);`;
    checks.push(['node', '--input-type=module', '-e', program]);
  }
  for (const script of scripts) {
    if (script.endsWith('.py')) {
      checks.push([
        'python3',
        '-c',
        "import runpy,sys; sys.path.insert(0,'.'); runpy.run_path(sys.argv[1], run_name='import_check')",
        script,
      ]);
    } else if (script.endsWith('.sh')) {
      checks.push(['sh', '-n', script]);
    } else if (!javascript.includes(script)) {
      checks.push(['test', '-e', script]);
    }
  }
  return checks;
}

/** The first argument that names a file of the genome; the program itself when none does. */
function scriptOf(command: readonly string[], child: FileTree): string {
  return command.find((word) => child.has(word.replace(/^\.\//, '')))?.replace(/^\.\//, '') ?? command.at(-1)!;
}
