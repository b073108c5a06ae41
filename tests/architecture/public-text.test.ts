import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesBelow, root } from './source-scan.ts';

// Spelled in parts, so that this file does not find itself.
const unfinished = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`);
const privatePath = new RegExp(`(?<![\\w.~-])/(${['ho' + 'me', 'Use' + 'rs', 'wo' + 'rk'].join('|')})/[\\w-]`);

const isText = (path: string) =>
  /(\.([cm]?[jt]sx?|json|ya?ml|md|sh|py|css|html|csv|svg)|\/(run|LICENSE|\.npmrc|\.nvmrc|\.gitignore))$/.test(
    `/${path}`,
  );
const texts = filesBelow(['.'], isText);

function linesWith(pattern: RegExp): string[] {
  return texts.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim().slice(0, 120)}`] : [])),
  );
}

describe('what the repository says in public', () => {
  it('is read from every folder', () => {
    expect(texts.map((file) => file.path)).toEqual(
      expect.arrayContaining(['package.json', '.ci/run', 'src/core/ids.ts', 'scripts/bootstrap.mjs']),
    );
  });

  it('leaves nothing marked as unfinished', () => {
    expect(linesWith(unfinished)).toEqual([]);
  });

  it("names no folder of anybody's machine", () => {
    expect(linesWith(privatePath)).toEqual([]);
  });

  it('names no download host in the lock file, so that any registry serves an install', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { resolved?: string; integrity?: string; link?: boolean }>;
    };
    const entries = Object.entries(lock.packages).filter(([path]) => path !== '');
    expect(entries.length).toBeGreaterThan(10);
    expect(entries.filter(([, entry]) => /^[a-z+]+:/.test(entry.resolved ?? '')).map(([path]) => path)).toEqual([]);
    expect(entries.filter(([, entry]) => entry.integrity === undefined && !entry.link).map(([path]) => path)).toEqual(
      [],
    );
  });
});
