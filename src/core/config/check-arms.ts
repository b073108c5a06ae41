import { isToken } from '../ids.ts';
import { twinName } from './arm-lineages.ts';
import { arms } from './arms.ts';
import type { ExperimentConfig } from './experiment-schema.ts';

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What an arm needs of the rest of the experiment. */
export function checkArms(config: Pick<ExperimentConfig, 'arms' | 'lineages' | 'seeds'>): Problem[] {
  const ids = Object.keys(config.lineages);
  const shown = config.arms.filter((arm) => ['peers', 'sham', 'shuffled'].includes(arms[arm].strategies));
  const problems: Problem[] = [];
  const add = (path: readonly PropertyKey[], message: string) => problems.push({ path, message });
  if (shown.length > 0 && ids.length < 2) add(['arms'], `${shown.join(' and ')} need at least two lineages`);
  if (config.arms.includes('shuffled')) {
    const why = 'shuffled shows what peers published in the paired run of another seed';
    if (!config.arms.includes('paired')) add(['arms'], `${why}: name the arm paired, too`);
    if (config.seeds.length < 2) add(['seeds'], `${why}: name at least two seeds`);
  }
  if (config.arms.includes('self')) {
    for (const id of ids) {
      const twin = twinName(id);
      const place = ['lineages', id];
      if (ids.includes(twin)) add(place, `the arm self calls its second instance ${twin}, which is a lineage already`);
      if (!isToken(twin)) add(place, `the arm self calls its second instance ${twin}: use a shorter id`);
    }
  }
  return problems;
}
