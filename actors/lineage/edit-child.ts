import type { Json } from '../../src/core/json.ts';
import type { ResultOf } from '../../src/core/messages.ts';
import { untimed } from '../../src/core/records.ts';
import type { StepInput } from './lineage-machine.ts';
import { header, type LineagePorts } from './lineage-ports.ts';
import { ancestor } from './lineage-state.ts';

/** Has a child of the chosen parent made by the meta-agent of generation `editor`. */
export function editChild(
  ports: LineagePorts,
  input: StepInput,
  editor: number,
  trial: { readonly trial?: string },
  signal: AbortSignal,
): Promise<ResultOf<'meta-agent'>> {
  const { state, draft } = input;
  const parent = ancestor(state, draft.parent!);
  const meta = ancestor(state, editor);
  const history = ports.showsTrain
    ? state.history
    : state.history.map((line) => ({ ...line, trainScore: null, problem: null }));
  const evals: Record<string, Json> = { history: history as unknown as Json };
  if (ports.showsTrain) evals.train = (parent.train && untimed(parent.train)) as unknown as Json;
  if (ports.showsSelection) evals.selection = (parent.selection && untimed(parent.selection)) as unknown as Json;
  return ports.ask(
    'meta-agent',
    {
      ...header(input),
      model: ports.model,
      parent: { generation: parent.generation, genome: parent.genome },
      meta: { generation: meta.generation, genome: meta.genome },
      snapshot: draft.request.snapshot,
      evals,
      ...trial,
    },
    signal,
  );
}
