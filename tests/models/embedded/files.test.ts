import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBase } from '../../../src/models/embedded/files/base-checkpoint.ts';
import { mergedWeights, readAdapter, writeAdapter } from '../../../src/models/embedded/files/peft-adapter.ts';
import {
  decodeTensors,
  encodeTensors,
  readTensors,
  writeWhole,
} from '../../../src/models/embedded/files/safetensors.ts';
import { adapterLayout } from '../../../src/models/embedded/layout.ts';
import { projections } from '../../../src/models/embedded/shape.ts';
import { openSmallBase, randomAdapters, scratchDir } from './small-base.ts';

describe('safetensors', () => {
  const tensor = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).map((shape) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 3),
  }));
  const file = fc.record({
    tensors: fc.dictionary(fc.stringMatching(/^[a-z.]{1,12}$/), tensor, { maxKeys: 5, noNullPrototype: true }),
    metadata: fc.dictionary(
      fc.string({ minLength: 1 }).filter((k) => k !== '__proto__'),
      fc.string(),
      { noNullPrototype: true },
    ),
  });

  it('come back as they were written, numbers on a multiple of eight', () => {
    fc.assert(
      fc.property(file, (given) => {
        const bytes = Buffer.from(encodeTensors(given));
        expect(decodeTensors(bytes, 'x')).toEqual(given);
        expect(bytes.readBigUInt64LE(0) % 8n).toBe(0n);
      }),
    );
  });

  it('are refused wherever they are cut off, by the name of the file and, where it has begun, the tensor', () => {
    const bytes = encodeTensors({ tensors: { w: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } }, metadata: {} });
    const header = 8 + Number(Buffer.from(bytes).readBigUInt64LE(0));
    for (let length = 0; length < bytes.length; length += 1) {
      const what =
        length < header
          ? /some\.safetensors: not a (whole )?safetensors file/
          : /some\.safetensors: tensor w is cut off/;
      expect(() => decodeTensors(bytes.subarray(0, length), 'some.safetensors')).toThrow(what);
    }
  });

  const raw = (header: object, body: Uint8Array) => {
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    return Buffer.concat([length, json, body]);
  };

  it('are read in half precision too', () => {
    const body = Buffer.from(Uint16Array.of(0x3c00, 0xc248, 0x0001, 0x7c00, 0x3f80, 0xc049).buffer);
    const { tensors } = decodeTensors(
      raw(
        {
          a: { dtype: 'F16', shape: [4], data_offsets: [0, 8] },
          b: { dtype: 'BF16', shape: [2], data_offsets: [8, 12] },
        },
        body,
      ),
      'x',
    );
    expect([...tensors.a!.data]).toEqual([1, -3.140625, 2 ** -24, Number.POSITIVE_INFINITY]);
    expect([...tensors.b!.data]).toEqual([1, -3.140625]);
  });

  it.each([
    ['another type', { w: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, /tensor w is I64/],
    ['a size that is not its shape', { w: { dtype: 'F32', shape: [3], data_offsets: [0, 8] } }, /tensor w has 8 bytes/],
    ['an offset that is none', { w: { dtype: 'F32', shape: [2], data_offsets: [-8, 0] } }, /header/],
    ['a header that is no object', [1], /header/],
  ])('are refused with %s', (_, header, message) => {
    expect(() => decodeTensors(raw(header, Buffer.alloc(8)), 'x')).toThrow(message);
  });
});

describe('a base', () => {
  it('comes back as it was written, in the same bytes and under the same hash', async () => {
    await using scratch = await scratchDir();
    const base = openSmallBase(join(scratch.path, 'one'));
    const again = openSmallBase(join(scratch.path, 'two'));
    expect(again).toEqual(base);
    expect(openSmallBase(join(scratch.path, 'three'), 2).sha256).not.toBe(base.sha256);
    for (const file of await readdir(join(scratch.path, 'one'))) {
      const [a, b] = await Promise.all(['one', 'two'].map((d) => readFile(join(scratch.path, d, file))));
      expect(a!.equals(b!)).toBe(true);
    }
  });

  it.each<[string, string, (text: string) => string, RegExp]>([
    ['no JSON', 'config.json', () => '{', /config\.json: not JSON/],
    ['another family', 'config.json', (t) => t.replace('"llama"', '"gpt2"'), /config\.json[\s\S]*model_type/],
    [
      'grouped heads',
      'config.json',
      (t) => t.replace('key_value_heads": 2', 'key_value_heads": 1'),
      /num_key_value_heads/,
    ],
    ['another rotary base', 'config.json', (t) => t.replace('10000', '500000'), /config\.json[\s\S]*rope_theta/],
    [
      'another width',
      'config.json',
      (t) => t.replace('"intermediate_size": 48', '"intermediate_size": 56'),
      /model\.safetensors: tensor model\.layers\.0\.mlp\.\w+\.weight has shape \[.*48.*\], expected \[.*56/,
    ],
    [
      'one layer too many',
      'config.json',
      (t) => t.replace('layers": 2', 'layers": 3'),
      /tensor model\.layers\.2\.\S+ is missing/,
    ],
    [
      'another vocabulary',
      'vocabulary.json',
      (t) => t.replace('"rm"', '"rm","a","b","c"'),
      /vocabulary\.json makes 24 tokens.*16/,
    ],
  ])('with %s is refused by the name of the file and what is wrong in it', async (_, file, change, message) => {
    await using scratch = await scratchDir();
    openSmallBase(scratch.path);
    const path = join(scratch.path, file);
    const [before, after] = [await readFile(path, 'utf8'), change(await readFile(path, 'utf8'))];
    expect(after).not.toBe(before);
    await writeFile(path, after);
    const reading = () => readBase(scratch.path, 'small');
    expect(reading).toThrow(message);
    expect(reading).toThrow(expect.objectContaining({ code: 'WEIGHTS_INVALID' }));
  });
});

describe('an adapter', () => {
  it('comes back as it was written, under the hash of its content', async () => {
    await using scratch = await scratchDir();
    const base = openSmallBase(join(scratch.path, 'base'));
    const adapters = randomAdapters(1);
    const id = writeAdapter(scratch.path, base, adapters, { made: 'here' });
    expect(readAdapter(join(scratch.path, id), base)).toEqual({ ...adapters, id });
    expect(writeAdapter(scratch.path, base, adapters, { made: 'again' })).toBe(id);
    expect(writeAdapter(scratch.path, base, randomAdapters(2), {})).not.toBe(id);
    expect((await readdir(scratch.path)).filter((name) => name.startsWith('.'))).toEqual([]);
    const { tensors } = readTensors(join(scratch.path, id, 'adapter_model.safetensors'));
    const a = tensors['base_model.model.model.layers.1.mlp.down_proj.lora_A.weight']!;
    const at = adapterLayout(base.shape, adapters.rank).layers[1]!.down_proj.a;
    expect(a.shape).toEqual([4, base.shape.feedForwardSize]);
    // Row r, column i of A: PEFT's order, and ours transposed.
    for (const [r, i] of [
      [0, 1],
      [3, 17],
    ] as const) {
      expect(a.data[r * base.shape.feedForwardSize + i]).toBe(adapters.floats[at + i * 4 + r]);
    }
    const config = JSON.parse(await readFile(join(scratch.path, id, 'adapter_config.json'), 'utf8'));
    expect(config.target_modules).toEqual([...projections].sort());
    expect(mergedWeights(base, adapters)).not.toEqual(base.weights);
  });

  /** A written adapter, changed on disk, then read. */
  async function changed(change: (dir: string) => Promise<void>): Promise<() => unknown> {
    await using scratch = await scratchDir();
    const base = openSmallBase(join(scratch.path, 'base'));
    const id = writeAdapter(scratch.path, base, randomAdapters(1), {});
    await change(join(scratch.path, id));
    let failure: unknown = null;
    try {
      readAdapter(join(scratch.path, id), base);
    } catch (error) {
      failure = error;
    }
    return () => {
      if (failure !== null) throw failure;
    };
  }
  const inConfig = (from: string, to: string) => async (dir: string) => {
    const file = join(dir, 'adapter_config.json');
    const text = await readFile(file, 'utf8');
    expect(text).toContain(from);
    await writeFile(file, text.replace(from, to));
  };
  const inWeights =
    (change: (file: ReturnType<typeof readTensors>) => ReturnType<typeof readTensors>) => async (dir: string) => {
      const file = join(dir, 'adapter_model.safetensors');
      writeWhole(file, encodeTensors(change(readTensors(file))));
    };
  const first = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight';
  const without = ({ tensors, metadata }: ReturnType<typeof readTensors>) => {
    const { [first]: _, ...rest } = tensors;
    return { tensors: rest, metadata };
  };

  it.each<[string, (dir: string) => Promise<void>, RegExp]>([
    [
      'of another rank',
      inConfig('"r": 4', '"r": 8'),
      /adapter_model\.safetensors: tensor \S+q_proj\.lora_A\.weight has shape \[4,32\], expected \[8,32\]/,
    ],
    ['with fewer modules', inConfig('"q_proj",', ''), /adapter_config\.json[\s\S]*target_modules/],
    ['of another kind', inConfig('"LORA"', '"IA3"'), /adapter_config\.json[\s\S]*peft_type/],
    ['with a tensor missing', inWeights(without), new RegExp(`tensor ${first.replaceAll('.', '\\.')} is missing`)],
    [
      'with a tensor too many',
      inWeights(({ tensors, metadata }) => ({
        tensors: { ...tensors, 'lm_head.lora_A.weight': tensors[first]! },
        metadata,
      })),
      /tensor lm_head\.lora_A\.weight has no place in small/,
    ],
    [
      'trained on another base',
      inWeights(({ tensors }) => ({ tensors, metadata: { base_sha256: 'f'.repeat(64) } })),
      /adapter_model\.safetensors: trained on another base \(ffffffff\) than small/,
    ],
    [
      'cut off',
      async (dir) => {
        const file = join(dir, 'adapter_model.safetensors');
        await writeFile(file, (await readFile(file)).subarray(0, 9_000));
      },
      /adapter_model\.safetensors: tensor \S+ is cut off/,
    ],
  ])('%s is refused by the name of file and tensor', async (_, change, message) => {
    const reading = await changed(change);
    expect(reading).toThrow(message);
    expect(reading).toThrow(expect.objectContaining({ code: 'WEIGHTS_INVALID' }));
  });

  it('made by PEFT, without our metadata, is read', async () => {
    const reading = await changed(inWeights(({ tensors }) => ({ tensors, metadata: { format: 'pt' } })));
    expect(reading).not.toThrow();
  });
});
