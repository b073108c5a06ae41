import { expect, it } from 'vitest';
import { createLiveScreen } from '../../src/cli/progress/live-screen.ts';

/** A terminal that knows what the live display uses; anything else is an error. */
function terminal(columns: number) {
  let screen = [''];
  let row = 0;
  let column = 0;
  const put = (char: string) => {
    if (column >= columns) newLine();
    screen[row] = (screen[row] ?? '').padEnd(column).slice(0, column) + char + (screen[row] ?? '').slice(column + 1);
    column += 1;
  };
  const newLine = () => {
    row += 1;
    column = 0;
    screen[row] ??= '';
  };
  const write = (text: string) => {
    for (const [part, up, control] of text.matchAll(/\x1b\[(\d+)A|\x1b\[([KJ])|[\s\S]/g)) {
      if (up !== undefined) row = Math.max(0, row - Number(up));
      else if (control !== undefined) {
        screen[row] = (screen[row] ?? '').slice(0, column);
        if (control === 'J') screen = screen.slice(0, row + 1);
      } else if (part === '\n') newLine();
      else if (part === '\r') column = 0;
      else if (part === '\x1b') throw new Error(`unknown escape in ${JSON.stringify(text)}`);
      else put(part);
    }
  };
  return { isTTY: true, columns, rows: 24, write, shown: () => screen.filter((line) => line !== '') };
}

it('paints over its last picture, whatever was longer or higher in it', () => {
  const tty = terminal(20);
  tty.write('$ galapagos run x\n');
  const screen = createLiveScreen(tty);
  screen.paint(['a long header line', 'second', 'third']);
  screen.paint(['short', 'second']);
  expect(tty.shown()).toEqual(['$ galapagos run x', 'short', 'second']);
  screen.paint(['one', 'two', 'three', 'four']);
  expect(tty.shown()).toEqual(['$ galapagos run x', 'one', 'two', 'three', 'four']);
});

it('leaves nothing behind when it is cleared', () => {
  const tty = terminal(20);
  tty.write('before\n');
  const screen = createLiveScreen(tty);
  screen.paint(['one', 'two']);
  screen.clear();
  screen.clear();
  tty.write('after\n');
  expect(tty.shown()).toEqual(['before', 'after']);
});

it('finds its first line again after the window became narrower and wrapped it', () => {
  let written = '';
  const output = { isTTY: true, columns: 20, rows: 24, write: (text: string) => void (written = text) };
  const screen = createLiveScreen(output);
  screen.paint(['0123456789abcdef', 'x']);
  output.columns = 8;
  screen.clear();
  expect(written).toBe('\r\x1b[3A\x1b[J');
});
