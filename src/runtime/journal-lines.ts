import { hash } from 'node:crypto';
import type { Fact } from '../core/journal.ts';

/**
 * A journal's lines: a fact as JSON with `hash` as its last member, the first
 * 32 hexadecimal digits of the SHA-256 of the hash before it and of the fact
 * without its own.
 */
export const genesis = '0'.repeat(32);

/** How a line with that hash ends. */
const tailOf = (own: string) => `,"hash":"${own}"}`;
const tailLength = tailOf(genesis).length;
const lineFeed = 0x0a;
const comma = 0x2c;
const closingBrace = 0x7d;

/** Bytes that `readLines` needs before the first line of a block, to do as it likes with. */
export const leadBytes = genesis.length;

/** The line, its line feed included, and its hash. */
export function encodeFact(fact: Fact, previous: string): { readonly line: Buffer; readonly hash: string } {
  const text = JSON.stringify(fact);
  const bytes = Buffer.byteLength(text);
  const block = Buffer.allocUnsafe(leadBytes + bytes + tailLength);
  block.write(previous, 0, 'latin1');
  block.write(text, leadBytes);
  const own = hash('sha256', block.subarray(0, leadBytes + bytes)).slice(0, genesis.length);
  // In the place of the closing brace.
  block.write(`${tailOf(own)}\n`, leadBytes + bytes - 1, 'latin1');
  return { line: block.subarray(leadBytes), hash: own };
}

/**
 * Reads the lines of a block that ends in a line feed, after `leadBytes` that
 * are no line. Nothing is copied and next to nothing decoded: the hash before
 * is written over the bytes before a line, which belong to the end of a line
 * that has been read, so that what a hash covers lies together. The block is
 * the reader's alone from then on; facts read their bodies from it.
 * @returns the number and the hash to go on with, and where reading ended:
 *   before the end of the block when a line does not continue the chain.
 */
export function readLines(block: Buffer, seq: number, previous: string, onFact: (fact: Fact) => void) {
  let at = seq;
  let last = previous;
  let start = leadBytes;
  while (start < block.length) {
    const end = block.indexOf(lineFeed, start);
    const tail = end - tailLength;
    if (tail <= start) break;
    block.write(last, start - genesis.length, 'latin1');
    const covered = block.subarray(start - genesis.length, tail + 1);
    covered[covered.length - 1] = closingBrace;
    const own = hash('sha256', covered).slice(0, genesis.length);
    covered[covered.length - 1] = comma;
    if (block.toString('latin1', tail, end) !== tailOf(own)) break;
    const fact = factAt(block, start, tail);
    if (fact.seq !== at) break;
    at += 1;
    last = own;
    start = end + 1;
    onFact(fact);
  }
  return { seq: at, hash: last, end: start };
}

/** How a line begins, as `encodeFact` writes it; a type or key with an escape in it is parsed the long way. */
const head = /^\{"seq":(\d+),"at":(\d+),"type":"([^"\\]*)","key":"([^"\\]*)","body":/;
const headBytes = 160;
const isAscii = (text: string) => Buffer.byteLength(text) === text.length;

function factAt(block: Buffer, start: number, tail: number): Fact {
  const found = head.exec(block.toString('latin1', start, Math.min(start + headBytes, tail)));
  if (found === null || !isAscii(found[0])) return JSON.parse(`${block.toString('utf8', start, tail)}}`) as Fact;
  const [text, seq, at, type, key] = found as unknown as [string, string, string, string, string];
  return new FoundFact(Number(seq), Number(at), type, key, block.subarray(start + text.length, tail));
}

/** A fact whose body is still text. It has its body all the same, also for whoever copies it. */
class FoundFact implements Fact {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly key: string;
  declare readonly body: unknown;
  #text: Buffer | null;
  #body: unknown;

  constructor(seq: number, at: number, type: string, key: string, text: Buffer) {
    this.seq = seq;
    this.at = at;
    this.type = type;
    this.key = key;
    this.#text = text;
    Object.defineProperty(this, 'body', parsedWhenAsked);
  }

  parse(): unknown {
    if (this.#text !== null) this.#body = JSON.parse(this.#text.toString());
    this.#text = null;
    return this.#body;
  }
}

/** One for all: a getter of each fact's own would cost four times as much as everything else about it. */
const parsedWhenAsked: PropertyDescriptor & ThisType<FoundFact> = {
  enumerable: true,
  get() {
    return this.parse();
  },
};
