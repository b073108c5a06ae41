import { randomBytes } from 'node:crypto';

/** Begins a report, and occurs nowhere else in it. */
const mark = 0x1e;
/** With the mark, the digits of a number of 63 bits and a line feed. */
const longest = 21;

/** What a group or a terminal may be sent; the shell outlives it, the command has it as it always is. */
const signals = 'HUP INT QUIT PIPE ALRM TERM USR1 USR2';

/**
 * How a command ended, told by the shell that started it: the engine says so only milliseconds after the output has
 * closed. The command prints through the same pipes and may read what is in them, so the status s is told as s·a + b,
 * with numbers a and b that reach nobody but a shell that no other process may trace or open the memory of. Who sees
 * that sum still has to guess a to say the same of another status, and there are 2⁵² (a one-time authenticator, as in
 * Carter and Wegman 1981). Nothing of the command comes after it.
 */
export interface OwnReport {
  /** The line for the shell. */
  readonly line: string;
  /** Takes what arrives. @returns it without the report, as far as it cannot be part of one. */
  take(isError: boolean, bytes: Buffer): Buffer;
  /** What was held back because a report might begin so; to be asked when the output has ended. */
  rest(isError: boolean): Buffer;
  /** 128 and its number for a signal; `null` until it was told on both streams, and for good when the shell was killed. */
  status(): number | null;
  /** How much the shell has written to tell it. */
  bytes(): number;
}

/**
 * @param line - Shell that may end the shell it runs in, or become something else.
 * @param stops - Whether the shell stops itself when it has told, so that it can be looked at.
 */
export function ownReport(line: string, stops: boolean): OwnReport {
  // Shells count in 63 bits.
  const a = 2n ** 52n + secret(52);
  const b = secret(61);
  const statusOf = (sum: bigint) => {
    const status = (sum - b) / a;
    return status >= 0n && status <= 255n && status * a + b === sum ? Number(status) : null;
  };
  const streams = [withoutReport(statusOf), withoutReport(statusOf)] as const;
  const of = (isError: boolean) => streams[isError ? 1 : 0];
  return {
    // The shell's own remarks about a killed child are not the command's.
    line:
      `exec 4>&2 2>/dev/null; trap '' ${signals}; (trap - ${signals}; ${line}) 2>&4 4>&-; s=$?; ` +
      `r=$((s * ${a} + ${b})); printf '\\036%s\\n' "$r"; printf '\\036%s\\n' "$r" >&4; ` +
      `${stops ? 'kill -STOP $$; ' : ''}exit "$s"`,
    take: (isError, bytes) => of(isError).take(bytes),
    rest: (isError) => of(isError).rest(),
    status: () => (streams[0].told() === null ? null : (streams[1].told()?.status ?? null)),
    bytes: () => streams.reduce((sum, stream) => sum + (stream.told()?.bytes ?? 0), 0),
  };
}

function secret(bits: number): bigint {
  return BigInt.asUintN(bits, randomBytes(8).readBigUInt64LE());
}

function withoutReport(statusOf: (sum: bigint) => number | null) {
  let held: Buffer = Buffer.alloc(0);
  let told: { readonly status: number; readonly bytes: number } | null = null;
  const rest = () => {
    const bytes = held;
    held = Buffer.alloc(0);
    return bytes;
  };
  return {
    told: () => told,
    rest,
    take(chunk: Buffer): Buffer {
      if (told !== null) return chunk;
      const all = held.length === 0 ? chunk : Buffer.concat([rest(), chunk]);
      for (let at = all.indexOf(mark); at !== -1; at = all.indexOf(mark, at + 1)) {
        const text = all.toString('latin1', at + 1, at + longest);
        const digits = /^\d+(?=\n)/.exec(text)?.[0];
        const status = digits === undefined ? null : statusOf(BigInt(digits));
        if (status !== null) {
          told = { status, bytes: digits!.length + 2 };
          return Buffer.concat([all.subarray(0, at), all.subarray(at + told.bytes)]);
        }
        if (at + 1 + text.length === all.length && text.length < longest - 1 && /^\d*$/.test(text)) {
          held = Buffer.from(all.subarray(at));
          return all.subarray(0, at);
        }
      }
      return all;
    },
  };
}
