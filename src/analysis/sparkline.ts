const levels = '▁▂▃▄▅▆▇█';

export interface SparklineOptions {
  /** Longest line in characters; longer series are binned, each bin showing its highest score. */
  readonly width?: number;
  /** Fixed ends of the scale, so that several lines compare; the series' own ends otherwise. */
  readonly low?: number;
  readonly high?: number;
}

/** One character per value, `·` where there is no score. Equal scores all show the middle level. */
export function sparkline(scores: readonly (number | null)[], options: SparklineOptions = {}): string {
  const bins = binned(scores, options.width ?? scores.length);
  const measured = bins.filter((s) => s !== null);
  if (measured.length === 0) return '·'.repeat(bins.length);
  const low = options.low ?? Math.min(...measured);
  const high = options.high ?? Math.max(...measured);
  const level = (score: number) =>
    high > low ? Math.min(7, Math.max(0, Math.floor(((score - low) / (high - low)) * 8))) : 3;
  return bins.map((s) => (s === null ? '·' : levels[level(s)]!)).join('');
}

function binned(scores: readonly (number | null)[], width: number): (number | null)[] {
  if (scores.length <= width) return [...scores];
  const bins = Math.max(1, Math.floor(width));
  const start = (bin: number) => Math.floor((bin * scores.length) / bins);
  return Array.from({ length: bins }, (_, bin) => {
    const measured = scores.slice(start(bin), start(bin + 1)).filter((s) => s !== null);
    return measured.length === 0 ? null : Math.max(...measured);
  });
}
