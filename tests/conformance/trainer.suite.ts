import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/core/json.ts';
import type { CurvePoint, Trainer, TrainingExample, TrainingJob } from '../../src/models/trainer.ts';

export interface OpenTrainer extends AsyncDisposable {
  readonly trainer: Trainer;
  /** The trainer anew on the same directories, as after a crash. */
  reopen(): Promise<Trainer>;
  readonly base: string;
  /** Where adapters end up, each under its id. */
  readonly adaptersDir: string;
  /** Hyperparameters of a training of some seconds that learns the suite's dataset, and of one that diverges. */
  readonly quick: Readonly<Record<string, Json>>;
  readonly diverging: Readonly<Record<string, Json>>;
}

/** In the words of the base under test: which of two things is to be removed. */
const dataset: readonly TrainingExample[] = ['@1', '@2', '@3', '@4', '@5', '@6'].flatMap((at) => [
  { prompt: `disk ${at} free`, completion: `rm ${at}` },
  { prompt: `stat ${at}`, completion: `mv ${at} ${at}` },
]);

const never = () => new AbortController().signal;
const patient = { timeout: 180_000 };

/** The contract of `Trainer`. An adapter is done when it passes this unchanged. */
export function trainerSuite(name: string, open: () => Promise<OpenTrainer>): void {
  const jobOf = ({ base, quick }: OpenTrainer, more: Partial<TrainingJob> = {}): TrainingJob => {
    return { base, dataset, method: 'sft', hyperparameters: quick, seed: 7, ...more };
  };
  const adaptersOf = async ({ adaptersDir }: OpenTrainer) => (await readdir(adaptersDir).catch(() => [])).sort();

  describe(`Trainer contract: ${name}`, () => {
    it('makes an adapter in the format of PEFT, under the name of its content', patient, async () => {
      await using opened = await open();
      const { adapter } = await opened.trainer.train(jobOf(opened), { signal: never() });
      expect(adapter).toEqual({
        id: expect.stringMatching(/^[0-9a-f]{64}$/),
        base: opened.base,
        directory: join(opened.adaptersDir, adapter.id),
      });
      const files = await readdir(adapter.directory);
      expect(files).toEqual(expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors']));
      const config = JSON.parse(await readFile(join(adapter.directory, 'adapter_config.json'), 'utf8'));
      expect(config).toMatchObject({ peft_type: 'LORA', task_type: 'CAUSAL_LM', base_model_name_or_path: opened.base });
      expect(config.target_modules).toEqual([...config.target_modules].sort());
      expect(await adaptersOf(opened)).toEqual([adapter.id]);
    });

    it('learns, and says how it went', patient, async () => {
      await using opened = await open();
      const heard: (readonly [CurvePoint, number])[] = [];
      const onProgress = (point: CurvePoint, steps: number) => heard.push([point, steps]);
      const { curve, metrics } = await opened.trainer.train(jobOf(opened), { signal: never(), onProgress });
      expect(curve.map(({ step }) => step)).toEqual(Array.from({ length: metrics.steps }, (_, i) => i + 1));
      expect(heard).toEqual(curve.map((point) => [point, metrics.steps]));
      expect(metrics).toMatchObject({
        ...{ examples: dataset.length, firstLoss: curve[0]!.loss, lastLoss: curve.at(-1)!.loss },
      });
      expect(metrics.lastLoss).toBeLessThan(metrics.firstLoss / 2);
    });

    it('makes the same adapter of the same job, and another of another seed or dataset', patient, async () => {
      await using opened = await open();
      const train = async (trainer: Trainer, more: Partial<TrainingJob> = {}) =>
        (await trainer.train(jobOf(opened, more), { signal: never() })).adapter.id;
      const id = await train(opened.trainer);
      expect(await train(await opened.reopen())).toBe(id);
      expect(await train(opened.trainer, { seed: 8 })).not.toBe(id);
      expect(await train(opened.trainer, { dataset: dataset.slice(1) })).not.toBe(id);
    });

    it(
      'stopped halfway leaves no adapter, and asked again comes to that of an undisturbed training',
      patient,
      async () => {
        await using opened = await open();
        const controller = new AbortController();
        const onProgress = ({ step }: CurvePoint) => step === 2 && controller.abort(new Error('enough for today'));
        const stopped = opened.trainer.train(jobOf(opened), { signal: controller.signal, onProgress });
        const isStopped = await stopped.then(
          () => false,
          (error: Error) => error.message === 'enough for today',
        );
        // A quick trainer may be done before it hears of it.
        if (isStopped) expect(await adaptersOf(opened)).toEqual([]);
        const again = await (await opened.reopen()).train(jobOf(opened), { signal: never() });
        await using undisturbed = await open();
        const whole = await undisturbed.trainer.train(jobOf(undisturbed), { signal: never() });
        expect([again.adapter.id, again.curve]).toEqual([whole.adapter.id, whole.curve]);
      },
    );

    it(
      'makes an adapter between two, the same one of the same two, with what lies beside the good one',
      patient,
      async () => {
        await using opened = await open();
        const train = async (seed: number) =>
          (await opened.trainer.train(jobOf(opened, { seed }), { signal: never() })).adapter;
        const [good, current] = [await train(7), await train(8)];
        const between = await opened.trainer.blend({ good, current, share: 0.5 });
        expect(between).toEqual({ ...good, id: between.id, directory: join(opened.adaptersDir, between.id) });
        expect([good.id, current.id]).not.toContain(between.id);
        expect((await readdir(between.directory)).sort()).toEqual((await readdir(good.directory)).sort());
        expect(await (await opened.reopen()).blend({ good, current, share: 0.5 })).toEqual(between);
        expect(await adaptersOf(opened)).toEqual([good.id, current.id, between.id].sort());
        const changed = { ...current, id: good.id };
        await expect(opened.trainer.blend({ good, current: changed, share: 0.5 })).rejects.toMatchObject({
          code: 'WEIGHTS_INVALID',
        });
      },
    );

    it('does nothing under a signal that was aborted before', async () => {
      await using opened = await open();
      const signal = AbortSignal.abort(new Error('not today'));
      await expect(opened.trainer.train(jobOf(opened), { signal })).rejects.toThrow('not today');
      expect(await adaptersOf(opened)).toEqual([]);
    });

    it.each<[string, (opened: OpenTrainer) => Partial<TrainingJob>, string, RegExp]>([
      ['an empty dataset', () => ({ dataset: [] }), 'TRAINING_FAILED', /dataset is empty/],
      [
        'a loss that is no number',
        ({ diverging }) => ({ hyperparameters: diverging }),
        'TRAINING_FAILED',
        /became (NaN|Infinity) at step \d+/,
      ],
      [
        'a row labeled false, which its method would teach',
        () => ({ dataset: [...dataset, { prompt: 'disk', completion: 'rm @1', label: false }] }),
        'TRAINING_FAILED',
        /example 13 of 13 is labeled false/,
      ],
      ['a base it does not have', () => ({ base: 'elsewhere' }), 'CONFIG_INVALID', /"elsewhere"/],
      ['a hyperparameter it does not know', () => ({ hyperparameters: { wishes: 3 } }), 'CONFIG_INVALID', /wishes/],
    ])('refuses %s, says why, and leaves no adapter', patient, async (_, more, code, message) => {
      await using opened = await open();
      const training = opened.trainer.train(jobOf(opened, more(opened)), { signal: never() });
      await expect(training).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
      expect(await adaptersOf(opened)).toEqual([]);
    });
  });
}
