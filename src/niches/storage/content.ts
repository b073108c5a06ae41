import { createCipheriv } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { randomStream } from '../../core/random.ts';

/**
 * What files are made of: slices of a few pools, so that megabytes cost a copy
 * and nothing else. `log` shrinks about tenfold under gzip, `records` to about
 * a half, `media` not at all; `gzip` is real gzip that grows sixfold.
 */
export type ContentKind = 'log' | 'records' | 'media' | 'gzip';

const poolBytes = 2 ** 20;
const pools = new Map<ContentKind, Buffer>();
const makers: Record<ContentKind, () => Buffer> = {
  log: logPool,
  records: recordPool,
  media: mediaPool,
  gzip: gzipPool,
};

/**
 * A pure function of its arguments. Slices of one pool wrap around.
 * @param offset - Where in the pool the file begins; rounded down to a whole member for `gzip`.
 * @param size - In bytes; rounded up to whole members for `gzip`.
 */
export function contentOf(kind: ContentKind, offset: number, size: number): Buffer {
  let pool = pools.get(kind);
  if (pool === undefined) pools.set(kind, (pool = makers[kind]()));
  const unit = kind === 'gzip' ? memberBytes : 1;
  const from = Math.floor((offset % pool.length) / unit) * unit;
  const length = sizeOf(kind, size);
  if (from + length <= pool.length) return pool.subarray(from, from + length);
  const out = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) {
    const start = (from + at) % pool.length;
    at += pool.copy(out, at, start, Math.min(pool.length, start + length - at));
  }
  return out;
}

/** The bytes that `contentOf` returns for a wish of `size` bytes. */
export function sizeOf(kind: ContentKind, size: number): number {
  return kind === 'gzip' ? Math.max(1, Math.round(size / memberBytes)) * memberBytes : size;
}

function mediaPool(): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 'galapagos'), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(poolBytes));
}

function recordPool(): Buffer {
  const pool = Buffer.from(mediaPool());
  for (let at = 0; at < pool.length; at += 64) pool.fill(0, at, at + 36);
  return pool;
}

function logPool(): Buffer {
  const random = randomStream(1, 'storage', 'log-pool');
  const paths = ['/', '/cart', '/login', '/feed.xml', '/img/logo.png', '/api/v1/orders', '/search?q=shoes'];
  const agents = ['Mozilla/5.0 (X11; Linux x86_64)', 'curl/7.88.1', 'monitoring-probe/2.1'];
  const lines: string[] = [];
  for (let bytes = 0, second = 0; bytes < poolBytes; second += 1) {
    const time = `${10 + (Math.floor(second / 3_600) % 14)}:${String(Math.floor(second / 60) % 60).padStart(2, '0')}`;
    const status = random.pick([200, 200, 200, 304, 404, 502]);
    const line = `10.0.${random.int(4)}.${random.int(256)} - - [12/Mar/2025:${time}] "GET ${random.pick(paths)}" ${status} ${random.int(20_000)} "${random.pick(agents)}"\n`;
    lines.push(line);
    bytes += line.length;
  }
  return Buffer.from(lines.join('')).subarray(0, poolBytes);
}

const noiseBytes = 1_024;
const matches = 24;
const memberBytes = gzipMember(Buffer.alloc(noiseBytes)).length;

/** Members one after another are a gzip file again (RFC 1952, 2.2), so any run of them can be unpacked. */
function gzipPool(): Buffer {
  const noise = mediaPool();
  const members = Array.from({ length: Math.floor(poolBytes / memberBytes) }, (_, i) =>
    gzipMember(noise.subarray(i * noiseBytes, (i + 1) * noiseBytes)),
  );
  return Buffer.concat(members);
}

/**
 * One gzip member, written bit by bit: zlib's own output differs between
 * versions and processors, and the same seed must give the same bytes. A
 * stored block of noise, then `matches` times "258 bytes from 1,024 back" in
 * the fixed code (RFC 1951, 3.2.6).
 */
function gzipMember(noise: Buffer): Buffer {
  const plain = Buffer.alloc(noiseBytes + matches * 258);
  for (let at = 0; at < plain.length; at += noiseBytes) noise.copy(plain, at);
  const stored = Buffer.from([0, noiseBytes & 0xff, noiseBytes >> 8, ~noiseBytes & 0xff, (~noiseBytes >> 8) & 0xff]);
  const lastFixedBlock = '110';
  const length258 = '11000101';
  const distance1024 = `10011${'1'.repeat(8)}`;
  const bits = `${lastFixedBlock}${(length258 + distance1024).repeat(matches)}0000000`;
  const packed = Buffer.alloc(Math.ceil(bits.length / 8));
  for (let i = 0; i < bits.length; i += 1) if (bits[i] === '1') packed[i >> 3]! |= 1 << (i & 7);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(plain));
  trailer.writeUInt32LE(plain.length, 4);
  return Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]), stored, noise, packed, trailer]);
}
