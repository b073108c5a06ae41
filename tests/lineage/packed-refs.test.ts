import { execFileSync } from 'node:child_process';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CommitId } from '../../src/core/ids.ts';
import { movePackedRefs } from '../../src/lineage/packed-refs.ts';
import { tempDir } from './generations.ts';

let dir: string;
const git = (...args: string[]) => execFileSync('git', args, { cwd: dir, encoding: 'utf8', stdio: 'pipe' });
let commits: CommitId[];
const refs = () => git('for-each-ref', '--format=%(refname) %(objectname)').trimEnd().split('\n');

beforeEach(async () => {
  dir = await tempDir();
  git('init', '--quiet', '--bare', '.');
  const tree = git('hash-object', '-t', 'tree', '-w', '--stdin').trim();
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
  commits = ['one', 'two'].map((m) => git(...who, 'commit-tree', '-m', m, tree).trim() as CommitId);
});

describe('packed refs', () => {
  it('are what git would have written, beside tags that git has peeled and names that are not English', async () => {
    const [one, two] = commits as [CommitId, CommitId];
    git('-c', 'user.name=a', '-c', 'user.email=a@b', 'tag', '-a', '-m', 'note', 'annotated', one);
    for (const name of ['zürich', 'ｚ', '😀', 'a']) git('update-ref', `refs/heads/${name}`, one);
    git('pack-refs', '--all');
    await movePackedRefs(
      dir,
      new Map([...['refs/attempts/a/10', 'refs/attempts/a/2', 'refs/heads/b'].map((r) => [r, two] as const)]),
    );
    await movePackedRefs(dir, new Map([['refs/heads/a', two]]));
    const ours = await readFile(join(dir, 'packed-refs'));
    expect(refs()).toContain(`refs/heads/a ${two}`);
    expect(refs()).toContain(`refs/attempts/a/10 ${two}`);
    expect(git('rev-parse', 'annotated^{}').trim()).toBe(one);
    await rm(join(dir, 'packed-refs'));
    const byGit = [
      ['refs/attempts/a/10', two],
      ['refs/attempts/a/2', two],
      ['refs/heads/b', two],
      ['refs/heads/a', two],
    ];
    for (const name of ['zürich', 'ｚ', '😀']) git('update-ref', `refs/heads/${name}`, one);
    for (const [ref, commit] of byGit) git('update-ref', ref!, commit!);
    git('-c', 'user.name=a', '-c', 'user.email=a@b', 'update-ref', 'refs/tags/annotated', tagIn(ours));
    git('pack-refs', '--all');
    expect((await readFile(join(dir, 'packed-refs'))).equals(ours)).toBe(true);
  });

  it('wait for somebody who packs them by hand, and then lose none of his', async () => {
    const [one, two] = commits as [CommitId, CommitId];
    await writeFile(join(dir, 'packed-refs.lock'), '');
    const moving = movePackedRefs(dir, new Map([['refs/heads/ours', one]]));
    await writeFile(join(dir, 'packed-refs'), `${two} refs/heads/his\n`);
    await rm(join(dir, 'packed-refs.lock'));
    await moving;
    expect(refs()).toEqual([`refs/heads/his ${two}`, `refs/heads/ours ${one}`]);
  });

  it("stay as they are where a line is none of git's", async () => {
    const [one] = commits as [CommitId];
    await movePackedRefs(dir, new Map([['refs/heads/a', one]]));
    await appendFile(join(dir, 'packed-refs'), 'half a li');
    const before = await readFile(join(dir, 'packed-refs'));
    const moving = movePackedRefs(dir, new Map([['refs/heads/b', one]]));
    await expect(moving).rejects.toMatchObject({
      code: 'LINEAGE_CORRUPT',
      message: expect.stringContaining('half a li'),
    });
    expect(await readFile(join(dir, 'packed-refs'))).toEqual(before);
  });
});

function tagIn(packed: Buffer): string {
  return /^([0-9a-f]{40}) refs\/tags\/annotated$/m.exec(packed.toString())![1]!;
}
