import { type ComparedRuns, type Comparison, compareGroups } from './comparison.ts';
import {
  comparisonFormat,
  differenceColumns,
  differenceCsvColumns,
  groupColumns,
  groupGainColumns,
  groupGains,
  settingColumns,
  sideColumns,
  sideRows,
} from './comparison-tables.ts';
import { differenceDots, dotWords } from './figures/difference-dots.ts';
import type { DotRow } from './figures/dot-row.ts';
import type { Figure } from './figures/figure.ts';
import { type Report, renderPage } from './report.ts';
import { type Block, figureOr, type Page, paragraph, type Section } from './report-model.ts';
import { gainColumns, gainCsvColumns } from './tables/gains.ts';
import { type Column, cellsOf, csvTable, rowObjects } from './tables/table.ts';

type Rows = readonly Readonly<Record<string, string | number | null>>[];

/** Groups side by side, for people, for programs, and as files. */
export interface ComparisonReport extends Omit<Report, 'summary'> {
  readonly document: {
    readonly groups: Rows;
    readonly differs: Rows;
    readonly notAvailable: Comparison['notAvailable'];
    readonly notComparable: Comparison['notComparable'];
    readonly outcomes: Rows;
    readonly differences: Rows;
    readonly gains: Rows;
  };
  readonly page: Page;
}

/** Pure: the same groups give the same bytes. The first one is what the others are set against. */
export function compareReport(compared: readonly ComparedRuns[]): ComparisonReport {
  const comparison = compareGroups(compared);
  const format = comparisonFormat(comparison);
  const page = pageOf(comparison);
  const gains = groupGains(comparison);
  const sides = sideRows(comparison);
  const { groups, differs, differences, notAvailable, notComparable } = comparison;
  return {
    ...renderPage(page, groups.map((g) => g.name).join(' and ')),
    page,
    tables: {
      'groups.csv': csvTable(groupColumns(), groups),
      'settings.csv': csvTable(settingColumns(comparison), differs),
      'side-by-side.csv': csvTable(sideColumns(format), sides),
      'differences.csv': csvTable(differenceCsvColumns(format), differences),
      'group-gains.csv': csvTable(groupGainColumns(gainCsvColumns(format)), gains),
    },
    document: {
      groups: rowObjects(groupColumns(), groups),
      differs: rowObjects(settingColumns(comparison), differs),
      notAvailable,
      notComparable,
      outcomes: rowObjects(sideColumns(format), sides),
      differences: rowObjects(differenceCsvColumns(format), differences),
      gains: rowObjects(groupGainColumns(gainCsvColumns(format)), gains),
    },
  };
}

function pageOf(comparison: Comparison): Page {
  const { groups, notComparable } = comparison;
  const unfinished = groups.flatMap((g) => g.records).filter((r) => r.status !== 'done');
  return {
    title: `Comparison: ${groups.map((g) => g.name).join(', ')}`,
    lead: [
      ...(unfinished.length > 0
        ? [{ kind: 'note', text: `Provisional, not finished: ${unfinished.map((r) => r.run).join(', ')}.` } as const]
        : []),
      ...notComparable.map(
        ({ group, reasons }) =>
          ({
            kind: 'note',
            text: `${group} is not compared with ${groups[0]!.name}: ${reasons.join('; ')}. Its numbers stand for themselves.`,
          }) as const,
      ),
    ],
    sections: sectionsOf(comparison),
  };
}

function sectionsOf(comparison: Comparison): Section[] {
  const format = comparisonFormat(comparison);
  const { groups, differs, differences } = comparison;
  const [first] = groups;
  const gains = groupGains(comparison);
  return [
    {
      heading: 'Groups',
      blocks: [
        table('groups', groupColumns(), groups),
        paragraph('n is the number of runs. Also in ', { file: 'groups.csv' }, '.'),
      ],
    },
    {
      heading: 'What differs',
      blocks: [
        ...(differs.length === 0
          ? [paragraph('Nothing in the settings that are known; arms and seeds aside.')]
          : [
              table('settings that differ', settingColumns(comparison), differs),
              paragraph('Arms and seeds aside. Also in ', { file: 'settings.csv' }, '.'),
            ]),
        ...unknownSettings(comparison),
      ],
    },
    {
      heading: 'Side by side',
      blocks: [
        table('gains and scores by arm, lineage and group', sideColumns(format), sideRows(comparison)),
        paragraph(
          'n is the number of seeds; each of them is shown up to 3, from 4 on their median with lowest and highest. Scores of different niches or items are not on one scale. Also in ',
          { file: 'side-by-side.csv' },
          '.',
        ),
      ],
    },
    {
      heading: `Against ${first?.name ?? 'the first'}`,
      blocks:
        differences.length === 0
          ? [
              paragraph(
                'Nothing is compared: no other group has an arm and a lineage of the first under the same conditions.',
              ),
            ]
          : [
              figureOr(
                figureOf(comparison),
                'differences.svg',
                'differences.csv',
                'No seed is shared, so nothing is paired.',
              ),
              table('differences of gains, seed by seed', differenceColumns(format), differences),
              paragraph(
                `Gain over generation 0 in the group minus that in ${first!.name}, same arm, lineage and seed; where no seed is shared nothing is compared. p: exact two-sided sign-flip test; Holm: corrected over this table's rows that have a p. A claim takes 6 seeds and a corrected p of 0.05. Also in `,
                { file: 'differences.csv' },
                '.',
              ),
            ],
    },
    {
      heading: 'Transfer gain in each group',
      blocks:
        gains.length === 0
          ? [paragraph('No group has a seed with both a paired run and a control.')]
          : [
              table('transfer gain by group, control and lineage', groupGainColumns(gainColumns(format)), gains),
              paragraph(
                'n is the number of seeds. Holm: within each group, as in its own report. Also in ',
                { file: 'group-gains.csv' },
                '.',
              ),
            ],
    },
  ];
}

/** One line for all groups of which the same is not known; by what stands first in a path, since hardly any is known then. */
function unknownSettings({ notAvailable }: Comparison): Block[] {
  const groups = new Map<string, string[]>();
  for (const { group, settings } of notAvailable) {
    const names = [...new Set(settings.map((path) => path.split('.')[0]!))].join(', ');
    groups.set(names, [...(groups.get(names) ?? []), group]);
  }
  return [...groups].map(([names, own]) =>
    paragraph(`Not available, and so not compared, in ${own.join(', ')}: settings of ${names}.`),
  );
}

function table<Row>(name: string, columns: readonly Column<Row>[], rows: readonly Row[]): Block {
  return { kind: 'table', name, cells: cellsOf(columns, rows) };
}

function figureOf(comparison: Comparison): Figure | null {
  const { groups, differences } = comparison;
  const lineages = [...new Set(groups.flatMap((g) => g.outcomes.map((o) => o.lineage)))];
  const rows = differences.map(
    (d): DotRow => ({
      group: d.group,
      name: `${d.arm} ${d.lineage}`,
      index: lineages.indexOf(d.lineage),
      points: d.points.map(({ seed, gain }) => ({ seed, value: gain })),
      inference: d.inference,
    }),
  );
  const first = groups[0]!.name;
  const drawing = differenceDots(
    rows,
    comparisonFormat(comparison),
    'difference of gains (right of 0: the group is higher)',
  );
  if (drawing === null) return null;
  const caption = [
    `Each dot is one seed: gain over generation 0 in the group minus that in ${first}, same arm and lineage.`,
    ...dotWords(rows),
  ];
  return { title: `Gain minus that of ${first}`, caption: caption.join(' '), ...drawing };
}
