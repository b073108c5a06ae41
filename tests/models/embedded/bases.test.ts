import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/core/json.ts';
import { openBase, shippedBases } from '../../../src/models/embedded/bases/shipped-bases.ts';
import { tokenizerWords } from '../../../src/niches/storage/vocabulary.ts';

const folder = fileURLToPath(new URL('../../../src/models/embedded/bases/', import.meta.url));

describe.each(shippedBases)('the base %s', (name) => {
  const card = readFileSync(join(folder, name, 'card.md'), 'utf8');

  it('is the one that its card tells of', () => {
    const file = readFileSync(join(folder, name, 'model.safetensors'));
    expect(card).toContain(`sha256 \`${sha256(file)}\``);
    expect(card).toContain(`sha256 \`${openBase(name).sha256}\``);
    expect(card).toContain(`${file.length.toLocaleString('en')} bytes`);
  });

  it('has numbers for weights, in the few megabytes that a package may weigh', () => {
    const { weights } = openBase(name);
    expect(weights.every(Number.isFinite)).toBe(true);
    expect(weights.byteLength).toBeLessThanOrEqual((name === 'small' ? 2 : 8) * 2 ** 20);
  });

  it('numbers the words as the storage niche does today', () => {
    expect(openBase(name).vocabulary).toEqual({ words: tokenizerWords, hasBytes: false });
  });
});
