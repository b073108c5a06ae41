import { type ArmName, armNames } from '../../core/config/arms.ts';
import { circle, cross, diamond, type Marker, plus, square, triangle } from './markers.ts';
import { ink } from './svg.ts';

// Hue is the lineage, everywhere. Dash and marker tell apart what shares a
// panel: lineages where each arm has a panel, arms where each lineage has one.

interface Hue {
  readonly light: string;
  readonly dark: string;
}

/** Six hues that stay apart on their surface in normal vision, protan-, deuteran- and tritanopia. */
const hues: readonly Hue[] = [
  { light: '#253D98', dark: '#4E77F2' },
  { light: '#BC2F02', dark: '#F24D1E' },
  { light: '#01755A', dark: '#ADF9C6' },
  { light: '#651A51', dark: '#B06792' },
  { light: '#AB863C', dark: '#F5BF00' },
  { light: '#2293A9', dark: '#6EC2E4' },
];

/** The hue of the lineage at this place in the experiment; past six they repeat, so every line carries its name too. */
export function lineageHue(index: number): string {
  return hues[index % hues.length]!.light;
}

/** The hue of what is not the lineage's own arm, where arms share a panel. */
export const controlHue: Hue = { light: '#5A6571', dark: '#98A3AF' };

/** Every color a figure may use, with what stands for it on a dark page. */
export const darkColors: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...hues, controlHue].map(({ light, dark }) => [light, dark])),
  [ink.text]: '#E8ECF1',
  [ink.muted]: '#A2ACB7',
  [ink.line]: '#313A44',
  [ink.ground]: '#0F1419',
  [ink.band]: '#171D24',
};

/** How a curve is told apart without its hue. */
export interface CurveStyle {
  readonly dash: string | undefined;
  readonly isFilled: boolean;
  readonly marker: Marker;
}

const lineageStyles: readonly CurveStyle[] = [
  { dash: undefined, isFilled: true, marker: circle },
  { dash: '7 3', isFilled: false, marker: square },
  { dash: '2 2.5', isFilled: true, marker: triangle },
  { dash: '9 3 2 3', isFilled: false, marker: diamond },
  { dash: '4 2', isFilled: false, marker: plus },
  { dash: '14 3', isFilled: false, marker: cross },
];

export function lineageStyle(index: number): CurveStyle {
  return lineageStyles[index % lineageStyles.length]!;
}

const armStyles: Readonly<Record<string, CurveStyle>> = {
  paired: { dash: undefined, isFilled: true, marker: circle },
  solo: { dash: '6 3', isFilled: false, marker: circle },
  self: { dash: '2 3', isFilled: false, marker: square },
  sham: { dash: '8 3 2 3', isFilled: false, marker: triangle },
  shuffled: { dash: '12 4', isFilled: false, marker: diamond },
  iid: { dash: '1 2', isFilled: false, marker: plus },
  sequential: { dash: '3 1.5 1 1.5', isFilled: false, marker: cross },
};

/** An arm that has no style of its own takes one by its place among the arms. */
export function armStyle(arm: ArmName): CurveStyle {
  return armStyles[arm] ?? lineageStyle(armNames.indexOf(arm));
}
