import type { ArmName } from '../../core/config/arms.ts';
import { short } from './svg.ts';

/** Six hues on white that stay apart in normal vision, protan-, deuteran- and tritanopia. */
const hues = ['#253D98', '#BC2F02', '#01755A', '#651A51', '#AB863C', '#2293A9'] as const;

/** The hue of the lineage at this place in the experiment; past six they repeat, so every line carries its name too. */
export function lineageHue(index: number): string {
  return hues[index % hues.length]!;
}

interface ArmStyle {
  readonly dash: string | undefined;
  readonly strokeWidth: number;
  readonly isFilled: boolean;
  /** Path data of one marker of radius `r` around a point. */
  marker(x: string, y: string, r: number): string;
}

const circle: ArmStyle['marker'] = (x, y, r) =>
  `M${x} ${y}m${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
const triangle: ArmStyle['marker'] = (x, y, r) => `M${x} ${y}m0 ${-r}l${r} ${2 * r}h${-2 * r}z`;
const plus: ArmStyle['marker'] = (x, y, r) => `M${x} ${y}m${-r} 0h${2 * r}m${-r} ${-r}v${2 * r}`;
const cross: ArmStyle['marker'] = (x, y, r) =>
  `M${x} ${y}m${-r} ${-r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;

/** Dash and marker mean the arm, in every figure. */
export const armStyles: Readonly<Record<ArmName, ArmStyle>> = {
  paired: { dash: undefined, strokeWidth: 1.25, isFilled: true, marker: circle },
  solo: { dash: '6 3', strokeWidth: 1.25, isFilled: false, marker: circle },
  sham: { dash: '8 3 2 3', strokeWidth: 1.25, isFilled: false, marker: triangle },
  iid: { dash: undefined, strokeWidth: 0.8, isFilled: false, marker: plus },
  sequential: { dash: undefined, strokeWidth: 0.8, isFilled: false, marker: cross },
};

/** Failed, no score: a slashed circle. */
export const failedMarker: ArmStyle['marker'] = (x, y, r) => {
  const d = Math.round(r * 7.07) / 10;
  return `${circle(x, y, r)}m${short(r - d)} ${d}l${2 * d} ${-2 * d}`;
};
