/** Maps data to pixels. */
export type Scale = (value: number) => number;

export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** Text of a tick. */
  label(tick: number): string;
}

export function linear(axis: Pick<Axis, 'low' | 'high'>, from: number, to: number): Scale {
  return (value) => from + ((value - axis.low) / (axis.high - axis.low)) * (to - from);
}

/** Whether a value lies under the axis by more than its ends are rounded. */
export function isBelow(axis: Pick<Axis, 'low' | 'high'>, value: number): boolean {
  return value < axis.low - 1e-9 * (axis.high - axis.low);
}

/** An axis with round ends and about `count` round steps that holds all values. */
export function niceAxis(values: readonly number[], count: number): Axis {
  const { low, high } = extent(values);
  const step = niceStep((high - low) / count);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  return { low: first * step, high: last * step, ticks, label: tickLabel(step, Math.max(...ticks.map(Math.abs))) };
}

/** Whole numbers from 0 to `last`, at most `count` steps. */
export function countAxis(last: number, count: number): Axis {
  const high = Math.max(1, last);
  const step = Math.max(1, niceStep(high / count));
  const ticks = Array.from({ length: Math.floor(high / step) + 1 }, (_, i) => i * step);
  return { low: 0, high, ticks, label: String };
}

/** From 0 to exactly `last`, which is above 0, in round steps. */
export function spanAxis(last: number, count: number): Axis {
  const step = niceStep(last / count);
  const ticks = Array.from({ length: Math.floor(last / step + 1e-9) + 1 }, (_, i) => i * step);
  return { low: 0, high: last, ticks, label: tickLabel(step, last) };
}

/** Below this, steps would leave the range where floating point keeps its precision. */
const smallest = 1e-100;

/** Ends of the data; widened around a single value so that there is a scale at all. */
function extent(values: readonly number[]): { low: number; high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const magnitude = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > Math.max(smallest, 1e-12 * magnitude)) return { low, high };
  const margin = magnitude > smallest ? magnitude * 0.1 : 0.5;
  return { low: low - margin, high: high + margin };
}

/** The next of 1, 2, 5 × 10^k. */
function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((f) => f * power >= raw * (1 - 1e-9)) ?? 10;
  return factor * power;
}

function tickLabel(step: number, largest: number): (tick: number) => string {
  const units = [
    { from: 1e9, suffix: 'G' },
    { from: 1e6, suffix: 'M' },
    { from: 1e4, suffix: 'k' },
  ];
  const unit = units.find((u) => largest >= u.from);
  const by = unit === undefined ? 1 : unit.from === 1e4 ? 1e3 : unit.from;
  const decimals = Math.max(0, -Math.floor(Math.log10(step / by) + 1e-9));
  if (decimals > 12) {
    const digits = Math.max(0, Math.ceil(Math.log10(largest / step)));
    return (tick) => (tick === 0 ? '0' : tick.toExponential(digits).replaceAll('-', '−'));
  }
  return (tick) => {
    const digits = Math.abs(tick / by).toFixed(decimals);
    if (tick === 0 && unit !== undefined) return '0';
    return `${tick < 0 && Number(digits) !== 0 ? '−' : ''}${digits}${unit?.suffix ?? ''}`;
  };
}
