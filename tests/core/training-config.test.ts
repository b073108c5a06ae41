import { expect, it } from 'vitest';
import { lineageConfig } from '../../src/core/config/check-training.ts';
import { parseExperiment } from '../../src/core/config/parse-experiment.ts';

const experiment = (lineage: object, more: object = {}) => ({
  ...{ name: 'learning', niche: 'storage', arms: ['solo'], budget: { generations: 3 } },
  models: { small: { kind: 'embedded', base: 'small', grammar: 'storage' } },
  lineages: { a: { model: 'mutator:numeric', ...lineage } },
  ...more,
});

it('says that a lineage learns: which generations teach, who gets credit, when, and from what model', () => {
  const training = { regime: { last: 3 }, credit: 'trajectory', every: 4, hyperparameters: { rank: 4 } };
  const config = parseExperiment(experiment({ taskModel: 'small', training }));
  const complete = { ...training, code: 'unchanged', minExamples: 8, keepOfRefused: 0 };
  expect(config.lineages.a).toEqual({ model: 'mutator:numeric', taskModel: 'small', training: complete });
  expect(lineageConfig(config, 'a-twin')).toBe(config.lineages.a);
});

it.each([
  ['a regime nobody has', { training: { regime: 'best' } }, {}, 'lineages.a.training.regime'],
  ['half of the last generations', { training: { regime: { last: 0.5 } } }, {}, 'lineages.a.training.regime'],
  ['a credit nobody gives', { training: { credit: 'luck' } }, {}, 'lineages.a.training.credit'],
  ['all of what was refused', { training: { keepOfRefused: 1 } }, {}, 'lineages.a.training.keepOfRefused'],
  [
    'a task model nobody knows',
    { taskModel: 'huge' },
    {},
    'lineages.a.taskModel: no model "huge" in models; known: small',
  ],
  [
    'a model without weights',
    { training: {} },
    {},
    'only a model of kind embedded has weights to train, and "mutator:numeric"',
  ],
  [
    'task agents without a model',
    { taskModel: 'small', training: {} },
    { task: { maxCalls: 0 } },
    'task.maxCalls is 0',
  ],
  ['tournaments', { taskModel: 'small', training: {} }, { selection: 'annealing' }, 'choose another selection'],
])('refuses training with %s, by name of the place', (_, lineage, more, message) => {
  expect(() => parseExperiment(experiment(lineage, more))).toThrow(message);
});
