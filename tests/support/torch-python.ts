import { spawnSync } from 'node:child_process';
import { itWith, type TestFunction } from './require-service.ts';

/** A Python that may have torch, transformers and peft; another one than the first on the path can be named. */
export const torchPython = process.env.GALAPAGOS_TORCH_PYTHON ?? 'python3';

const packages = ['torch', 'transformers', 'peft'];
const look = `import importlib.util as u; print(*[p for p in ${JSON.stringify(packages)} if u.find_spec(p) is None])`;

function whyMissing(): string | null {
  const { status, stdout } = spawnSync(torchPython, ['-c', look], { encoding: 'utf8', timeout: 30_000 });
  if (status !== 0) return `${torchPython} does not run`;
  return stdout.trim() === ''
    ? null
    : `${torchPython} has no ${stdout.trim().replaceAll(' ', ', ')}; name one that has in GALAPAGOS_TORCH_PYTHON`;
}

/** These packages weigh a gigabyte, and nothing that runs here needs them. */
export const itWithTorch: TestFunction = itWith(`Python with ${packages.join(', ')}`, whyMissing());
