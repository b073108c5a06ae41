import { mkdir, open, readFile, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { chatCompletionSchema } from '../core/chat.ts';
import { embeddingListSchema } from '../core/embedding.ts';
import { StorageFailedError } from '../core/errors.ts';

const callSchema = z.object({
  v: z.literal(1),
  /** SHA-256 of the canonical JSON of `{model, request}`. */
  key: z.string().regex(/^[0-9a-f]{64}$/),
  /** 0 for the first time this request was made in a recording, then 1, 2 … */
  occurrence: z.int().nonnegative(),
  /** For people: which call this was. */
  call: z.string(),
  costUsd: z.number().nonnegative().nullable(),
});
const recordingSchema = z.union([
  callSchema.extend({ completion: chatCompletionSchema }),
  /** `null`: the model has no embeddings. */
  callSchema.extend({ embeddings: embeddingListSchema.nullable() }),
]);
export type Recording = z.output<typeof recordingSchema>;

/**
 * A JSON Lines file that only grows. A later line with the same key and
 * occurrence replaces an earlier one, so recording again needs no rewriting.
 */
export interface CassetteFile {
  /** Every line that counts. */
  readonly recordings: readonly Recording[];
  /** Appends one line. Concurrent calls are written one after another, never mixed. */
  append(recording: Recording): Promise<void>;
}

/**
 * A last line without its line feed was torn by a crash and is dropped; any
 * other bad line means that the file was damaged.
 *
 * @throws {StorageFailedError} naming the file and the line.
 */
export async function openCassetteFile(path: string): Promise<CassetteFile> {
  const bytes = await readOrEmpty(path);
  const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
  const lines = whole.toString('utf8').split('\n').slice(0, -1);
  const recordings = lines.map((line, index) => parseLine(line, path, index + 1));
  let tail: Promise<void> = Promise.resolve();
  // Only a writer repairs it: replaying must work from a read-only file.
  let isTorn = whole.length !== bytes.length;
  return {
    recordings,
    append(recording) {
      const next = tail.then(async () => {
        if (isTorn) await truncate(path, whole.length);
        isTorn = false;
        await appendLine(path, JSON.stringify(recording));
      });
      tail = next.catch(() => {});
      return next;
    },
  };
}

async function readOrEmpty(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw new StorageFailedError(`cannot read cassette ${path}`, { cause: error });
  }
}

function parseLine(line: string, path: string, number: number): Recording {
  try {
    return recordingSchema.parse(JSON.parse(line));
  } catch {
    throw new StorageFailedError(`cassette ${path} is damaged at line ${number}`, { details: { line: number } });
  }
}

async function appendLine(path: string, line: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'a');
    try {
      await file.appendFile(`${line}\n`);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new StorageFailedError(`cannot write cassette ${path}`, { cause: error });
  }
}
