/** As many decimals as show a hundredth of the spread of these scores, 2 to 8. */
export function decimalsFor(scores: readonly (number | null)[]): number {
  const known = scores.filter((s) => s !== null);
  const spread =
    known.length === 0 ? 0 : known.reduce((a, b) => Math.max(a, b)) - known.reduce((a, b) => Math.min(a, b));
  const span = spread > 0 ? spread : Math.abs(known[0] ?? 0) / 10;
  return span > 0 ? Math.min(8, Math.max(2, 2 - Math.floor(Math.log10(span)))) : 2;
}

/** Fixed decimals with a true minus sign; `–` where there is no score. */
export function formatScore(score: number | null, decimals: number): string {
  if (score === null) return '–';
  const digits = Math.abs(score).toFixed(decimals);
  return score < 0 && Number(digits) !== 0 ? `−${digits}` : digits;
}

/** The same with `+` before gains; nothing where nothing is known. */
export function formatChange(change: number | null, decimals: number): string {
  if (change === null) return '';
  const text = formatScore(change, decimals);
  return change > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** 950, 9.5k, 412k, 1.3M. */
export function formatCount(count: number): string {
  if (count < 1_000) return String(Math.round(count));
  const [value, unit] = count < 999_500 ? [count / 1_000, 'k'] : [count / 1_000_000, 'M'];
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)}${unit}`;
}

/** 0.4s, 31s, 2m 05s, 1h 04m, from milliseconds. */
export function formatDuration(ms: number): string {
  if (ms < 950) return `${(Math.max(0, ms) / 1_000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1_000);
  const two = (n: number) => String(n).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
}

/** USD, or words when a price is missing. */
export function formatUsd(usd: number | null): string {
  return usd === null ? 'not metered' : `$${usd.toFixed(usd !== 0 && usd < 0.1 ? 4 : 2)}`;
}

/** "1 run", "2 runs". */
export function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
