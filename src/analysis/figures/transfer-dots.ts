import { counted, scoreFormat } from '../format.ts';
import { type LineageOutcome, lineageIds } from '../lineage-outcome.ts';
import { isUneven, type TransferGain } from '../transfer.ts';
import { differenceDots, dotWords } from './difference-dots.ts';
import type { DotRow } from './dot-row.ts';
import type { Figure } from './figure.ts';

/**
 * Transfer gain: one row per control and lineage, one dot per seed, a line at
 * zero; mean and 95 % t-interval only from four seeds on.
 * @returns `null` when no seed has both a paired run and a control.
 */
export function transferDots(gains: readonly TransferGain[], outcomes: readonly LineageOutcome[]): Figure | null {
  const lineages = lineageIds(outcomes);
  const rows = gains.map(
    (g): DotRow => ({
      group: `minus ${g.control}`,
      name: g.lineage,
      index: lineages.indexOf(g.lineage),
      points: g.points.map(({ seed, gain }) => ({ seed, value: gain })),
      inference: g.inference,
    }),
  );
  const words = 'gain in best selection score (right of 0: paired is higher)';
  const drawing = differenceDots(rows, scoreFormat(outcomes), words);
  if (drawing === null) return null;
  const uneven = gains.flatMap((g) => g.points).filter(isUneven).length;
  const caption = [
    'Each dot is one seed: improvement over generation 0 in the paired arm minus that in the control.',
    ...dotWords(rows),
    ...(uneven > 0 ? [`In ${counted(uneven, 'dot')} the two runs have different numbers of generations.`] : []),
  ];
  return { title: 'Transfer gain, paired minus control', caption: caption.join(' '), ...drawing };
}
