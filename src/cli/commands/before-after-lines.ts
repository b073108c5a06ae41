import type { BeforeAfter } from '../../index.ts';
import { clean } from '../text/clean.ts';
import { formatScore } from '../text/numbers.ts';

type Life = NonNullable<BeforeAfter['base']>;

/** What learning changed, for people: what both saw first, then command by command what each did and what that freed. */
export function beforeAfterLines(shown: BeforeAfter): string[] {
  const { credit, seed, world, worlds, isClosed, oracleBytes, base, survivors } = shown;
  const first = (base ?? survivors)?.steps[0];
  return [
    `Before and after: held-out world ${world} of ${worlds}${isClosed ? ', closed' : ''} (${credit}, seed ${seed})`,
    `  the oracle frees ${oracleBytes === null ? 'not known: its sandbox failed' : formatBytes(oracleBytes)}`,
    ...(first === undefined ? [] : ['  what both see first:', ...partsOf(first.saw).map((part) => `    ${part}`)]),
    ...lifeLines('base', base, oracleBytes),
    ...lifeLines('survivors', survivors, oracleBytes),
  ];
}

function lifeLines(name: string, life: Life | null, oracleBytes: number | null): string[] {
  if (life === null) return [`${name}: lost, its sandbox failed`];
  const share = oracleBytes === null || oracleBytes <= 0 ? '' : ` (${formatScore(life.freedBytes / oracleBytes, 2)})`;
  const ending = life.isBroken ? ', its world broken' : '';
  return [
    `${name}: freed ${formatBytes(life.freedBytes)}${share}${ending}`,
    ...life.steps.flatMap(({ saw, said, command, result, deltaBytes, damage }, i) => [
      `  ${i + 1}  ${said}  →  ${freedText(deltaBytes)}${result === 'ok' ? '' : ` (${result})`}${damage === null ? '' : `, its world broken: ${clean(damage)}`}`,
      `     ${lineAbout(saw, said)}`,
      `     ${clean(command)}`,
    ]),
  ];
}

/** An observation's head, and a line for each file that it shows. */
function partsOf(saw: string): string[] {
  return saw.split(/ (?=@\d s\d+ own:)/).map((part) => part.replace(/( \.)+$/, ''));
}

/** The line of the file that a command points at. */
function lineAbout(saw: string, said: string): string {
  const [, position] = said.split(' ');
  return partsOf(saw).find((part, i) => i > 0 && part.startsWith(`${position} `)) ?? '';
}

function freedText(bytes: number): string {
  return bytes === 0 ? 'freed nothing' : bytes > 0 ? `freed ${formatBytes(bytes)}` : `took ${formatBytes(-bytes)}`;
}

function formatBytes(bytes: number): string {
  return Math.abs(bytes) < 2 ** 20
    ? `${formatScore(bytes / 2 ** 10, 0)} KiB`
    : `${formatScore(bytes / 2 ** 20, 1)} MiB`;
}
