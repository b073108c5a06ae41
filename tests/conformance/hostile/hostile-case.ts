import type { SandboxGap, SandboxProvider } from '../../../sandboxes/sandbox.ts';
import { createWorld, NotMeasuredError, type World } from './world.ts';

/** What an attack came to, seen from outside wherever that can be seen. */
export interface Finding {
  readonly isContained: boolean;
  /** What held it, such as `timeout` or `EROFS`; or what it got. One line. */
  readonly reason: string;
}

/** One hostile program with what is expected of every provider. The suite and the table read this list alone. */
export interface HostileCase {
  /** Stable: reports and tables refer to it. */
  readonly name: string;
  /** What the program does, for a reader of the table. */
  readonly what: string;
  /** The gap whose declaration excuses a provider, or `null` where nothing does. */
  readonly gap: SandboxGap | null;
  /** Takes seconds where nothing contains it: there, only the full suite and the table run it. */
  readonly isSlowUncontained?: true;
  /** The reasons that may be given when it is contained. */
  readonly heldBy: RegExp;
  attack(world: World): Promise<Finding>;
}

export type Verdict =
  | { readonly kind: 'contained' | 'escaped' | 'wrong reason'; readonly reason: string }
  | { readonly kind: 'gap'; readonly gap: SandboxGap; readonly isContained: boolean; readonly reason: string }
  | { readonly kind: 'not measured'; readonly reason: string };

/** Runs one program in sandboxes of `provider` and says what became of it. */
export async function judge(hostile: HostileCase, provider: SandboxProvider): Promise<Verdict> {
  if (provider.isolation === 'none' && process.platform !== 'linux') {
    return { kind: 'not measured', reason: 'the programs are written for Linux' };
  }
  await using world = await createWorld(provider);
  try {
    const { isContained, reason } = await hostile.attack(world);
    if (hostile.gap !== null && provider.gaps.includes(hostile.gap)) {
      return { kind: 'gap', gap: hostile.gap, isContained, reason };
    }
    if (!isContained) return { kind: 'escaped', reason };
    return { kind: hostile.heldBy.test(reason) ? 'contained' : 'wrong reason', reason };
  } catch (error) {
    if (error instanceof NotMeasuredError) return { kind: 'not measured', reason: error.message };
    throw error;
  }
}

/** As a cell of a table. */
export function describeVerdict(verdict: Verdict): string {
  if (verdict.kind !== 'gap') {
    const names = { escaped: 'NOT CONTAINED', 'wrong reason': 'contained, but reported' };
    const name = verdict.kind in names ? names[verdict.kind as keyof typeof names] : verdict.kind;
    return verdict.kind === 'not measured' ? `${name}: ${verdict.reason}` : `${name} (${verdict.reason})`;
  }
  const declared = `declared gap ${verdict.gap}`;
  return verdict.isContained
    ? `contained here (${verdict.reason}), though not promised: ${declared}`
    : `not contained: ${declared} (${verdict.reason})`;
}
