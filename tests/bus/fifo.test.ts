import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fifo } from '../../src/bus/fifo.ts';

it('gives items back in the order they came, whatever the mix of pushes and shifts', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer())), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      for (const step of steps) {
        if (step === null) expect(fifo.shift()).toBe(model.shift());
        else model.push(step) && fifo.push(step);
        expect(fifo.length).toBe(model.length);
      }
    }),
  );
});
