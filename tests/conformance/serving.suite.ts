import { describe, expect, it } from 'vitest';
import { parseLineageId } from '../../src/core/ids.ts';
import type { Serving } from '../../src/models/serving.ts';
import type { Adapter } from '../../src/models/trainer.ts';

export interface OpenServing extends AsyncDisposable {
  readonly serving: Serving;
  /** Three adapters that say different things. */
  readonly adapters: readonly [Adapter, Adapter, Adapter];
  /** Adapters that cannot be served: files missing, files changed since, weights that yield no number. */
  readonly broken: { readonly missing: Adapter; readonly changed: Adapter; readonly numberless: Adapter };
  /** What a model in service says to one fixed prompt. */
  say(model: string): Promise<string>;
}

const [a, b] = [parseLineageId('a'), parseLineageId('b')];
const never = () => new AbortController().signal;

/** The contract of `Serving`. An adapter is done when it passes this unchanged. */
export function servingSuite(name: string, open: () => Promise<OpenServing>): void {
  describe(`Serving contract: ${name}`, () => {
    it('has the base in service for everybody at first', async () => {
      await using opened = await open();
      const { serving } = opened;
      expect([serving.inService(a), serving.inService(b), ...serving.names()]).toEqual(Array(3).fill(serving.base));
      expect(await opened.say(serving.base)).toBeTypeOf('string');
    });

    it('puts an adapter into service under a name that means it for ever', async () => {
      await using opened = await open();
      const { serving, adapters } = opened;
      const activation = { adapter: adapters[0], lineage: a, generation: 3 };
      const model = await serving.activate(activation, never());
      expect(model).toBe(`${serving.base}--a-g3-${adapters[0].id.slice(0, 8)}`);
      expect([serving.inService(a), serving.inService(b)]).toEqual([model, serving.base]);
      const said = await opened.say(model);
      expect(said).not.toBe(await opened.say(serving.base));
      expect(await serving.activate(activation, never())).toBe(model);
      await serving.activate({ adapter: adapters[1], lineage: a, generation: 4 }, never());
      expect(await serving.activate(activation, never())).toBe(model);
      expect(await opened.say(model)).toBe(said);
    });

    it('unloads what was replaced, and finishes what was begun under it', async () => {
      await using opened = await open();
      const { serving, adapters } = opened;
      const old = await serving.activate({ adapter: adapters[0], lineage: a, generation: 1 }, never());
      const expected = await opened.say(old);
      const begun = opened.say(old);
      const model = await serving.activate({ adapter: adapters[1], lineage: a, generation: 2 }, never());
      expect(await begun).toBe(expected);
      expect(serving.names()).toEqual([serving.base, model]);
      await expect(opened.say(old)).rejects.toMatchObject({
        code: 'MODEL_FAILED',
        message: expect.stringContaining(old),
      });
    });

    it('serves each lineage its own adapter, side by side', async () => {
      await using opened = await open();
      const { serving, adapters } = opened;
      const models = await Promise.all([
        serving.activate({ adapter: adapters[0], lineage: a, generation: 1 }, never()),
        serving.activate({ adapter: adapters[1], lineage: b, generation: 1 }, never()),
      ]);
      expect([serving.inService(a), serving.inService(b)]).toEqual(models);
      const [first, second] = await Promise.all(models.map((model) => opened.say(model)));
      expect(first).not.toBe(second);
    });

    it('asked twice at once for one lineage, keeps what was asked for last', async () => {
      await using opened = await open();
      const { serving, adapters } = opened;
      const [, last] = await Promise.all(
        [adapters[0], adapters[1]].map((adapter, i) =>
          serving.activate({ adapter, lineage: a, generation: i + 1 }, never()),
        ),
      );
      expect([serving.inService(a), ...serving.names()]).toEqual([last, serving.base, last]);
    });

    it.each([
      ['files are missing', 'missing', 'WEIGHTS_INVALID'],
      ['files were changed', 'changed', 'WEIGHTS_INVALID'],
      ['weights yield no number', 'numberless', 'MODEL_FAILED'],
    ] as const)('keeps the last good adapter in service when the next one’s %s', async (_, which, code) => {
      await using opened = await open();
      const { serving, adapters, broken } = opened;
      const good = await serving.activate({ adapter: adapters[0], lineage: a, generation: 1 }, never());
      const said = await opened.say(good);
      const failed = serving.activate({ adapter: broken[which], lineage: a, generation: 2 }, never());
      await expect(failed).rejects.toMatchObject({ code });
      expect([serving.inService(a), ...serving.names()]).toEqual([good, serving.base, good]);
      expect(await opened.say(good)).toBe(said);
      const next = { adapter: adapters[2], lineage: a, generation: 3 };
      expect(serving.inService(a)).not.toBe(await serving.activate(next, never()));
    });

    it('changes nothing under a signal that was aborted before', async () => {
      await using opened = await open();
      const { serving, adapters } = opened;
      const activation = { adapter: adapters[0], lineage: a, generation: 1 };
      const stopped = serving.activate(activation, AbortSignal.abort(new Error('not today')));
      await expect(stopped).rejects.toThrow('not today');
      expect([serving.inService(a), ...serving.names()]).toEqual([serving.base, serving.base]);
    });
  });
}
