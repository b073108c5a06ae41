import { quoted } from './shell-words.ts';

/** What Linux takes: one argument, and all of them with the environment and their pointers. */
const maxArgumentBytes = 131_071;
const maxTotalBytes = 2 * 2 ** 20 - 8_192;
const pointerBytes = 8;

/** Why a command can never be started, or `null`. The candidate's doing, and so a result. */
export function impossible(argv: readonly string[], env: Readonly<Record<string, string>>): string | null {
  const words = [...argv, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  if (argv.length === 0) return 'there is no program';
  if (words.some((word) => word.includes('\0'))) return 'an argument holds a NUL byte';
  const sizes = words.map((word) => Buffer.byteLength(word));
  const total = sizes.reduce((sum, size) => sum + size + 1 + pointerBytes, 0);
  const isTooLong = total > maxTotalBytes || sizes.some((size) => size > maxArgumentBytes);
  return isTooLong ? 'the arguments are too long' : null;
}

/** A line of shell that becomes the command, with this environment and nothing else in it. */
export function commandLine(argv: readonly string[], env: Readonly<Record<string, string>>): string {
  const settings = Object.entries(env).map(([name, value]) => quoted(`${name}=${value}`));
  // `env` would take such a name for one more setting.
  const program = argv[0]!.includes('=') ? ['sh', '-c', 'exec "$0" "$@"', ...argv] : argv;
  return ['exec', 'env', '-i', ...settings, ...program.map(quoted)].join(' ');
}
