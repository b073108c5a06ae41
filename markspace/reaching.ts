import { quoted } from './denials.ts';
import type { MarkspaceOptions } from './space.ts';
import { type Chain, createChain, failClosed } from './writing/chain.ts';
import { check, refused } from './writing/verdict.ts';

/** What an agent may always call its own model. */
export const ownModel = 'default';

/** First whether the model is the lineage's, by exactly its name; then everything that regulates conduct. */
export function createReaching(
  { checks = [] }: MarkspaceOptions,
  models: ReadonlyMap<string, string | undefined>,
): Chain {
  const own = check('model', ({ agent, draft }) => {
    const asked = draft.fields.resource;
    const model = models.get(agent);
    if (asked === ownModel || asked === model) return null;
    const instead = `ask for ${model === undefined ? '' : `${quoted(model)} or `}${quoted(ownModel)}`;
    return refused('model', 'not-yours', `the model ${quoted(asked)} does not exist or is not yours: ${instead}`);
  });
  return createChain([own, ...checks].map((one) => failClosed(one, () => {})));
}
