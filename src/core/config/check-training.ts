import type { ExperimentConfig } from './experiment-schema.ts';
import type { ConfigProblem } from './parse-experiment.ts';

/** Who answers as a lineage's task agent, and who learns: names that only make sense together. */
export function checkTraining(config: ExperimentConfig): ConfigProblem[] {
  return Object.entries(config.lineages).flatMap(([id, { model, taskModel, training }]) => {
    const problems: ConfigProblem[] = [];
    const say = (key: string, message: string) => problems.push({ path: ['lineages', id, key], message });
    if (taskModel !== undefined && config.models[taskModel] === undefined) {
      const known = Object.keys(config.models);
      say('taskModel', `no model ${JSON.stringify(taskModel)} in models; known: ${known.join(', ') || 'none'}`);
    }
    if (training === undefined) return problems;
    const learner = taskModel ?? model;
    const kind = config.models[learner]?.kind;
    if (kind !== 'embedded') {
      const is = kind === undefined ? 'none of models' : `of kind ${kind}`;
      say('training', `only a model of kind embedded has weights to train, and ${JSON.stringify(learner)} is ${is}`);
    }
    if (config.task.maxCalls === 0) say('training', 'task agents have no model here: task.maxCalls is 0');
    if (config.selection === 'annealing') {
      say('training', 'a tournament measures two children with the same weights: choose another selection');
    }
    return problems;
  });
}

/** What an experiment says of a lineage; of a twin, what it says of the lineage itself. */
export function lineageConfig({ lineages }: Pick<ExperimentConfig, 'lineages'>, id: string) {
  return lineages[id] ?? lineages[id.replace(/-twin$/, '')]!;
}
