/** Wakes at `fromMs` and at every whole interval after it, by the run's clock. */
export interface Schedule {
  readonly everyMs: number;
  /** Default 0. */
  readonly fromMs?: number;
}

export interface Activation {
  readonly agent: string;
  /** On the schedule's grid, whenever it was asked for. */
  readonly dueAtMs: number;
  /** Earlier ones that nobody asked for in time; they are not made up for. */
  readonly missed: number;
}

/** When each agent was last activated, by the grid. Plain JSON. */
export type ScheduleState = Readonly<Record<string, number>>;

/**
 * Who is due, each agent at most once: of several intervals that have passed,
 * the last one counts. The grid does not move, so intervals stay what they
 * are however late or often this is asked. Pure.
 */
export function dueActivations(
  schedules: Readonly<Record<string, Schedule>>,
  last: ScheduleState,
  nowMs: number,
): { readonly activations: readonly Activation[]; readonly state: ScheduleState } {
  const activations = Object.entries(schedules).flatMap(([agent, { everyMs, fromMs = 0 }]) => {
    const index = Math.floor((nowMs - fromMs) / everyMs);
    const lastIndex = Object.hasOwn(last, agent) ? Math.round((last[agent]! - fromMs) / everyMs) : -1;
    if (index <= lastIndex) return [];
    return [{ agent, dueAtMs: fromMs + index * everyMs, missed: index - lastIndex - 1 }];
  });
  const state = Object.fromEntries(activations.map(({ agent, dueAtMs }) => [agent, dueAtMs]));
  return { activations, state: { ...last, ...state } };
}
