// node scripts/bootstrap.mjs <start|test|test:full|build> [arguments for the command]
//
// Gets a fresh checkout to the point where the command can run: checks Node
// and git, installs, builds. This file only checks, and is readable by old
// Nodes; the rest is imported once the version is known to be good.
import { readFileSync } from 'node:fs';
import { gitProblem, nodeProblem } from './prerequisites.mjs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const problem = nodeProblem(process.versions.node, manifest.engines.node) || gitProblem();

if (problem !== null) {
  console.error(problem);
  process.exitCode = 1;
} else {
  import('./bootstrap-command.mjs').then(
    (command) => command.runCommand(process.argv[2], process.argv.slice(3)),
    (error) => {
      console.error(error);
      process.exitCode = 1;
    },
  );
}
