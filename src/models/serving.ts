import type { LineageId } from '../core/ids.ts';
import type { Adapter } from './trainer.ts';

export interface Activation {
  readonly adapter: Adapter;
  readonly lineage: LineageId;
  readonly generation: number;
}

/**
 * Puts adapters into service, one at a time for each lineage: loads the new
 * one, probes it, switches over, and only then unloads the old one. A failure
 * on the way changes nothing: the last good weights stay in service.
 *
 * @see tests/conformance/serving.suite.ts, the executable form of this contract.
 */
export interface Serving extends AsyncDisposable {
  /** The model without an adapter; always in service under this name. */
  readonly base: string;
  /**
   * @returns the name to call the model by. A name means one adapter of one
   *   generation for ever; activating the same again gives the same name.
   * @throws {WeightsInvalidError} for files that are damaged, changed, or made for another base.
   * @throws {ModelFailedError} for an adapter that does not answer its probe.
   */
  activate(activation: Activation, signal: AbortSignal): Promise<string>;
  /** The name in service for a lineage: the base's until something was activated. */
  inService(lineage: LineageId): string;
  /** Every name that can be called now. */
  names(): readonly string[];
}

/** `<base>--<lineage>-g<generation>-<first 8 of the adapter's id>`. */
export function servedName(base: string, { adapter, lineage, generation }: Activation): string {
  return `${base}--${lineage}-g${generation}-${adapter.id.slice(0, 8)}`;
}
