import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { ask } from './engine.ts';

/** Hears from the engine whose memory ran out, where the host's own files cannot tell. */
export interface MemoryWatch {
  /** How often it has happened to a container, as far as the engine has said. */
  countOf(containerId: string): number;
  stop(): void;
}

/** @throws {SandboxUnavailableError} */
export async function watchMemory(engine: Docker): Promise<MemoryWatch> {
  const counts = new Map<string, number>();
  const filters = JSON.stringify({ type: ['container'], event: ['oom'] });
  const events = (await ask('the engine does not tell what happens', engine.getEvents({ filters }))) as Readable;
  let text = '';
  events.on('error', () => {});
  events.on('data', (chunk: Buffer) => {
    text += chunk;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n')) {
      const { Actor } = JSON.parse(text.slice(0, at)) as { Actor: { ID: string } };
      counts.set(Actor.ID, (counts.get(Actor.ID) ?? 0) + 1);
      text = text.slice(at + 1);
    }
  });
  (events as { socket?: { unref(): void } }).socket?.unref();
  return {
    countOf: (containerId) => counts.get(containerId) ?? 0,
    stop: () => void events.destroy(),
  };
}
