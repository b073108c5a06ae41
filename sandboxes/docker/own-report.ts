/** Begins a report, and occurs nowhere else in it. */
const mark = 0x1e;
const longestStatus = 3;

/** What a group or a terminal may be sent; the shell outlives it, the command has it as it always is. */
const signals = 'HUP INT QUIT PIPE ALRM TERM USR1 USR2';

/**
 * How a command ended, told by the shell that started it: the engine says so only milliseconds after the output has
 * closed. The word in front of it reaches nobody but a shell that no other process may trace or open the memory of,
 * and the command prints through the same pipes, so what begins with the word is the shell's, and nothing of the
 * command comes after it.
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
  const word = crypto.randomUUID();
  const streams = [withoutReport(word), withoutReport(word)] as const;
  const of = (isError: boolean) => streams[isError ? 1 : 0];
  return {
    // The shell's own remarks about a killed child are not the command's.
    line:
      `exec 4>&2 2>/dev/null; trap '' ${signals}; (trap - ${signals}; ${line}) 2>&4 4>&-; s=$?; ` +
      `printf '\\036%s %s\\n' ${word} "$s"; printf '\\036%s %s\\n' ${word} "$s" >&4; ` +
      `${stops ? 'kill -STOP $$; ' : ''}exit "$s"`,
    take: (isError, bytes) => of(isError).take(bytes),
    rest: (isError) => of(isError).rest(),
    status: () => (streams[0].told() === null ? null : (streams[1].told()?.status ?? null)),
    bytes: () => streams.reduce((sum, stream) => sum + (stream.told()?.bytes ?? 0), 0),
  };
}

function withoutReport(word: string) {
  const start = `${String.fromCharCode(mark)}${word} `;
  const longest = start.length + longestStatus + 1;
  const report = new RegExp(`^${start}(\\d{1,${longestStatus}})\\n`);
  const mayBecomeReport = (text: string) =>
    text.length < longest &&
    (start.startsWith(text) || (text.startsWith(start) && /^\d*$/.test(text.slice(start.length))));
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
        const text = all.toString('latin1', at, at + longest);
        const [whole, status] = report.exec(text) ?? [];
        if (whole !== undefined) {
          told = { status: Number(status), bytes: whole.length };
          return Buffer.concat([all.subarray(0, at), all.subarray(at + whole.length)]);
        }
        if (mayBecomeReport(text)) {
          held = Buffer.from(all.subarray(at));
          return all.subarray(0, at);
        }
      }
      return all;
    },
  };
}
