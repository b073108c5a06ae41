import type { Command } from 'commander';
import { exitCodes } from './exit-codes.ts';
import type { Io } from './io.ts';
import { type Glyphs, glyphsFor } from './text/glyphs.ts';
import { createPaint, type Paint, wantsColor } from './text/paint.ts';

/** One call of the program: what its commands print with, and how it ends. */
export interface Session {
  readonly io: Io;
  readonly glyphs: Glyphs;
  /** For standard output. */
  readonly paint: Paint;
  /** The arguments as they were given. */
  readonly argv: readonly string[];
  /** One of {@link exitCodes}, or that of a command run for the user. */
  exitCode: number;
  /** Prints result lines, cut to the window on a terminal. */
  print(...lines: readonly string[]): void;
  /** Prints the one JSON document of a command. */
  printJson(document: unknown): void;
  /** Prints one document of many, a line each. */
  printJsonLine(document: unknown): void;
  /** A line for people on standard error. */
  note(line: string): void;
}

export function createSession(io: Io, argv: readonly string[]): Session {
  return {
    io,
    argv,
    glyphs: glyphsFor(io.env),
    paint: createPaint(wantsColor(io.stdout, io.env)),
    exitCode: exitCodes.done,
    print: (...lines) => io.stdout.write(lines.map((line) => `${line}\n`).join('')),
    printJson: (document) => io.stdout.write(`${safeJson(document, 2)}\n`),
    printJsonLine: (document) => io.stdout.write(`${safeJson(document)}\n`),
    note: (line) => io.stderr.write(`${line}\n`),
  };
}

/** JSON that a terminal can show: what `JSON.stringify` leaves of control and direction characters is escaped too. */
function safeJson(document: unknown, indent?: number): string {
  return JSON.stringify(document, null, indent).replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) =>
    char
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

export interface CommonOptions {
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** The option that every command has. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document on standard output, and nothing else there');
}
