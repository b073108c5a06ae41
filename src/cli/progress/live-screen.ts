import type { Output } from '../io.ts';
import { displayWidth } from '../text/width.ts';

/** A block of lines at the end of the terminal that is painted over again and again. */
export interface LiveScreen {
  paint(lines: readonly string[]): void;
  /** Takes the block away; the cursor stands where it began. */
  clear(): void;
}

export function createLiveScreen(output: Output): LiveScreen {
  let painted: readonly string[] = [];
  /** To the block's first line. A narrower window has wrapped what was painted, so heights are counted anew. */
  const home = () => {
    const height = painted.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / output.columns)), 0);
    return height === 0 ? '\r' : `\r\x1b[${height}A`;
  };
  return {
    paint(lines) {
      const text = lines.map((line) => `${line}\x1b[K\n`).join('');
      output.write(`${home()}${text}\x1b[J`);
      painted = lines;
    },
    clear() {
      if (painted.length > 0) output.write(`${home()}\x1b[J`);
      painted = [];
    },
  };
}
