import { short } from './svg.ts';

/** Path data of one marker of radius `r` (half its width) around a point. */
export type Marker = (x: string, y: string, r: number) => string;

export const circle: Marker = (x, y, r) => `M${x} ${y}m${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
export const square: Marker = (x, y, r) => {
  const side = round(1.8 * r);
  return `M${x} ${y}m${round(-side / 2)} ${round(-side / 2)}h${side}v${side}h${-side}z`;
};
export const triangle: Marker = (x, y, r) =>
  `M${x} ${y}m0 ${round(-1.2 * r)}l${round(1.15 * r)} ${round(2 * r)}h${round(-2.3 * r)}z`;
export const diamond: Marker = (x, y, r) => {
  const half = round(1.25 * r);
  return `M${x} ${y}m0 ${-half}l${half} ${half}l${-half} ${half}l${-half} ${-half}z`;
};
export const plus: Marker = (x, y, r) => `M${x} ${y}m${-r} 0h${2 * r}m${-r} ${-r}v${2 * r}`;
export const cross: Marker = (x, y, r) => `M${x} ${y}m${-r} ${-r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;

/** Failed, no score: a slashed circle. */
export const slashedCircle: Marker = (x, y, r) => {
  const d = Math.round(r * 7.07) / 10;
  return `${circle(x, y, r)}m${short(r - d)} ${d}l${2 * d} ${-2 * d}`;
};

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
