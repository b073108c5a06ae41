import type { ProgressEvent } from '../../index.ts';
import type { Session } from '../session.ts';
import { formatDuration } from '../text/numbers.ts';
import { createPaint, wantsColor } from '../text/paint.ts';
import { waitingFor } from './estimate.ts';
import { createLiveScreen } from './live-screen.ts';
import { plainLine } from './plain-progress.ts';
import { advanceProgress, initialProgress, type ProgressState } from './progress-state.ts';
import { renderProgress } from './render-progress.ts';

export interface ProgressDisplay {
  /** Whether it repaints; then nothing else may be written until it has ended. */
  readonly isLive: boolean;
  show(event: ProgressEvent): void;
  /** Something the user must know now. */
  note(text: string): void;
  end(): void;
}

const repaintMs = 125;
const silenceMs = 60_000;

/** Progress on standard error: repainted in place on a terminal, a plain line per event elsewhere. */
export function showProgress(session: Session, { isLive }: { readonly isLive: boolean }): ProgressDisplay {
  const { stderr, env } = session.io;
  return isLive && stderr.isTTY && env.TERM !== 'dumb' ? liveDisplay(session) : plainDisplay(session);
}

function liveDisplay({ io, glyphs }: Session): ProgressDisplay {
  const { stderr, now } = io;
  const screen = createLiveScreen(stderr);
  const paint = createPaint(wantsColor(stderr, io.env));
  let state = initialProgress(now());
  const repaint = () => {
    const { columns, rows } = stderr;
    screen.paint(renderProgress(state, { columns, rows, nowMs: now(), paint, glyphs }));
  };
  const timer = setInterval(repaint, repaintMs).unref();
  return {
    isLive: true,
    show: (event) => {
      state = advanceProgress(state, event, now());
    },
    note: (notice) => {
      state = { ...state, notice };
      repaint();
    },
    end: () => {
      clearInterval(timer);
      screen.clear();
    },
  };
}

function plainDisplay({ io, note }: Session): ProgressDisplay {
  let state: ProgressState = initialProgress(io.now());
  let spokenMs = io.now();
  const say = (line: string) => {
    spokenMs = io.now();
    note(line);
  };
  const breakSilence = () => {
    if (io.now() - spokenMs < silenceMs) return;
    say(`nothing finished for ${formatDuration(io.now() - spokenMs)}: waiting for ${waitingFor(state)}`);
  };
  const timer = setInterval(breakSilence, 1_000).unref();
  return {
    isLive: false,
    show: (event) => {
      state = advanceProgress(state, event, io.now());
      const line = plainLine(state, event);
      if (line !== null) say(line);
    },
    note: say,
    end: () => clearInterval(timer),
  };
}
