import type { Mark, Need, NewMark } from '../mark.ts';
import type { Access } from './access.ts';

type Superseding = Pick<NewMark, 'kind' | 'author' | 'scope'> & Partial<Pick<Need, 'blocking'>>;

/**
 * Whether a mark may take another's place. It must lie in the same scope, be
 * of the same kind or the action that closes it, and come from the target's
 * author or from somebody whose authority covers the scope: naming a peer's
 * mark erases nothing. A need is closed by who may resolve it, and its author
 * cannot make a blocking one harmless.
 */
export function maySupersede(access: Access, mark: Superseding, target: Mark): boolean {
  if (mark.scope !== target.scope || (mark.kind !== target.kind && mark.kind !== 'action')) return false;
  const hasPower = (power: 'resolve' | 'supersede') => access.hasPower(mark.author, power, target.scope);
  const endsBlocking = target.kind === 'need' && target.blocking && mark.blocking !== true;
  if (endsBlocking || (target.kind === 'need' && mark.kind === 'action')) return hasPower('resolve');
  return mark.author === target.author || hasPower('supersede');
}

/**
 * Whether a warning weighs on its target: an observation or an action, and
 * the warning's author wrote it or may warn in its scope. The warning's own
 * scope does not matter, or anybody could suppress a peer's marks from a
 * corner of their own.
 */
export function mayWarnAgainst(access: Access, author: string, target: Mark): boolean {
  if (target.kind !== 'observation' && target.kind !== 'action') return false;
  return author === target.author || access.mayWrite(author, 'warning', target.scope);
}
