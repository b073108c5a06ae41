import { describe, expect, it } from 'vitest';
import { systemCallFilter } from '../../sandboxes/bubblewrap/system-calls.ts';

const conventions = { x64: 0xc000003e, arm64: 0xc00000b7, i386: 0x40000003 };
const allow = 0x7fff0000;
const notImplemented = 0x00050026;
const familyNotSupported = 0x00050061;

/** The kernel's interpreter, as far as the filter needs it: load, two jumps, end. */
function answer(filter: Uint8Array, convention: number, call: number, firstArgument = 0): number {
  const program = new DataView(filter.buffer);
  const data = new Map([
    [0, call],
    [4, convention],
    [16, firstArgument],
  ]);
  let loaded = 0;
  for (let at = 0; ; at += 8) {
    const value = program.getUint32(at + 4, true);
    const jump = (isTrue: boolean) => {
      at += 8 * program.getUint8(at + (isTrue ? 2 : 3));
    };
    const code = program.getUint16(at, true);
    if (code === 0x06) return value;
    if (code === 0x20) loaded = data.get(value)!;
    else if (code === 0x15) jump(loaded === value);
    else if (code === 0x35) jump(loaded >= value);
    else throw new Error(`unknown instruction ${code}`);
  }
}

describe('the system-call filter', () => {
  it.each([
    ['x64', 248],
    ['x64', 250],
    ['x64', 425],
    ['arm64', 217],
    ['arm64', 280],
    ['arm64', 427],
  ] as const)('refuses on %s the call %i', (machine, call) => {
    expect(answer(systemCallFilter(machine)!, conventions[machine], call)).toBe(notImplemented);
  });

  it.each([
    ['x64', [0, 1, 42, 59, 247, 251, 435]],
    ['arm64', [63, 64, 203, 221, 216, 220, 435]],
  ] as const)('lets everything else through on %s', (machine, calls) => {
    for (const call of calls) expect(answer(systemCallFilter(machine)!, conventions[machine], call)).toBe(allow);
  });

  it.each([
    ['x64', 41],
    ['arm64', 198],
  ] as const)('knows on %s the families that a network namespace divides', (machine, socketCall) => {
    const open = (family: number) => answer(systemCallFilter(machine)!, conventions[machine], socketCall, family);
    expect([1, 2, 10, 16].map(open)).toEqual(Array(4).fill(allow));
    expect([0, 17, 38, 40, 45].map(open)).toEqual(Array(5).fill(familyNotSupported));
  });

  it('refuses every call in another convention of the same processor', () => {
    const filter = systemCallFilter('x64')!;
    expect(answer(filter, conventions.i386, 3)).toBe(notImplemented);
    expect(answer(filter, conventions.x64, 0x40000000 + 1)).toBe(notImplemented);
  });

  it('is none for a machine whose numbers nobody has looked up', () => {
    expect(systemCallFilter('riscv64')).toBeNull();
  });
});
