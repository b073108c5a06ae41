import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { onTestFinished, vi } from 'vitest';
import type { CallRecord, Gateway, GatewayLimits, GatewayOptions } from '../../sandboxes/gateway/gateway.ts';
import { openGateway } from '../../sandboxes/gateway/open-gateway.ts';
import type { Budget, BudgetLimits, Spend } from '../../src/core/budget.ts';
import type { Model } from '../../src/core/define.ts';
import { BudgetExhaustedError } from '../../src/core/errors.ts';
import { createSocketFetch } from './socket-fetch.ts';

export const roomyLimits: GatewayLimits = {
  maxCalls: 1_000,
  maxToolCalls: 1_000,
  maxTokens: 10_000_000,
  maxCompletionTokens: 100,
  maxRequestBytes: 100_000,
  concurrency: 8,
};

/** A real budget for one dimension set, which also shows what is reserved. */
export function createTestBudget(limits: BudgetLimits = {}): Budget & { readonly reserved: Spend } {
  const spent = { tokens: 0, usd: 0, evaluations: 0 };
  const reserved = { tokens: 0, usd: 0, evaluations: 0 };
  const dimensions = ['tokens', 'usd', 'evaluations'] as const;
  const add = (to: typeof spent, amount: Partial<Spend>, sign: 1 | -1) => {
    for (const d of dimensions) to[d] += sign * (amount[d] ?? 0);
  };
  return {
    spent,
    reserved,
    get exhausted() {
      return dimensions.find((d) => spent[d] >= (limits[d] ?? Number.POSITIVE_INFINITY)) ?? null;
    },
    reserve(amount) {
      for (const d of dimensions) {
        if (spent[d] + reserved[d] + (amount[d] ?? 0) <= (limits[d] ?? Number.POSITIVE_INFINITY)) continue;
        throw new BudgetExhaustedError(`${d}: ${amount[d]} asked, limit ${limits[d]}`);
      }
      add(reserved, amount, 1);
      return {
        settle(actual) {
          add(reserved, amount, -1);
          add(spent, actual, 1);
        },
      };
    },
  };
}

export interface TestGateway {
  readonly gateway: Gateway;
  readonly records: CallRecord[];
  readonly budget: ReturnType<typeof createTestBudget>;
  /** The official client on the gateway's socket. */
  readonly client: OpenAI;
  readonly stop: AbortController;
}

type Overrides = Partial<Omit<GatewayOptions, 'limits' | 'budget'>> & {
  readonly limits?: Partial<GatewayLimits>;
  readonly budget?: BudgetLimits;
};

/** A gateway in front of a model, closed when the test ends. */
export async function startGateway(model: Model, overrides: Overrides = {}): Promise<TestGateway> {
  const dir = await mkdtemp(join(tmpdir(), 'gal-'));
  const records: CallRecord[] = [];
  const budget = createTestBudget(overrides.budget);
  const stop = new AbortController();
  const gateway = await openGateway({
    dir,
    model,
    models: ['base'],
    seedFor: (index) => 1_000 + index,
    recall: () => null,
    onCall: (record) => void records.push(record),
    signal: stop.signal,
    ...overrides,
    limits: { ...roomyLimits, ...overrides.limits },
    budget,
  });
  onTestFinished(async () => {
    await gateway[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });
  return { gateway, records, budget, client: clientOf(gateway), stop };
}

export function clientOf(gateway: Gateway): OpenAI {
  const fetch = createSocketFetch(gateway.socketPath);
  return new OpenAI({ baseURL: 'http://gateway/v1', apiKey: 'none', fetch, logLevel: 'off' });
}

/** What a genome's client threw. */
export async function refusalOf(
  call: PromiseLike<unknown>,
): Promise<{ status: number; code: string; message: string }> {
  try {
    await call;
  } catch (error) {
    return error as { status: number; code: string; message: string };
  }
  throw new Error('the call was not refused');
}

/** Waits for a state that another event brings about, however slow the machine is. */
export function eventually(assertion: () => void): Promise<void> {
  return vi.waitFor(assertion, { timeout: 20_000, interval: 10 });
}

/** A promise and its release, to order concurrent calls by. */
export function latch(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
