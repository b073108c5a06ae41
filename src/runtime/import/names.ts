import { isToken } from '../../core/ids.ts';
import { sha256 } from '../../core/json.ts';

/** A foreign name as an id: lower case, anything else but letters and digits a dash; never empty, never too long. */
export function tokenOf(name: string, most = 63): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  if (plain.length <= most && isToken(plain)) return plain;
  // Two long names that begin alike must not become one.
  const tail = sha256(name).slice(0, 8);
  return plain === '' ? `x${tail}` : `${plain.slice(0, most - 9).replace(/-+$/, '')}-${tail}`;
}

/** One id for each name, in order; where two names become the same id, the later ones get `-2`, `-3`, … */
export function tokensOf(names: readonly string[], most = 63): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const token = tokenOf(name, most - 4);
    let free = token;
    for (let i = 2; taken.has(free); i += 1) free = `${token}-${i}`;
    taken.add(free);
    return free;
  });
}
