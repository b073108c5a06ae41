import type { Io, Output } from '../io.ts';

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const;
type Color = keyof typeof codes;

/** Colors a text, or leaves it as it is where colors are not wanted. */
export type Paint = Readonly<Record<Color, (text: string) => string>>;

export function createPaint(isColored: boolean): Paint {
  return Object.fromEntries(
    Object.entries(codes).map(([name, code]) => [
      name,
      isColored ? (text: string) => (text === '' ? '' : `\x1b[${code}m${text}\x1b[0m`) : (text: string) => text,
    ]),
  ) as Record<Color, (text: string) => string>;
}

/** Colors on a terminal only, unless FORCE_COLOR asks for them; NO_COLOR and TERM=dumb forbid them. */
export function wantsColor(output: Pick<Output, 'isTTY'>, env: Io['env']): boolean {
  const { FORCE_COLOR, NO_COLOR, TERM } = env;
  if (FORCE_COLOR !== undefined) return !['0', 'false'].includes(FORCE_COLOR);
  if ((NO_COLOR ?? '') !== '' || TERM === 'dumb') return false;
  return output.isTTY;
}
