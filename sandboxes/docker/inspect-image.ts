import type Docker from 'dockerode';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { ask } from './engine.ts';
import { defaultPath, layoutLabel, layoutVersion } from './image-layout.ts';

export interface ImageFacts {
  /** Names its content; a tag may be moved. */
  readonly id: string;
  readonly architecture: string;
  /** Where programs are looked for. */
  readonly path: string;
}

/** @throws {SandboxUnavailableError} when the image is not there, or was not made for this version. */
export async function inspectImage(engine: Docker, name: string): Promise<ImageFacts> {
  const found = await ask(
    'the image could not be looked at',
    engine
      .getImage(name)
      .inspect()
      .catch((error: { statusCode?: number }) => {
        if (error.statusCode === 404) return null;
        throw error;
      }),
  );
  const fail = (why: string, fix: string): never => {
    throw new SandboxUnavailableError(`${why}; to fix it: ${fix}`);
  };
  if (found === null) {
    return name.startsWith('sha256:')
      ? fail(`the image ${name}, which the run began with, is there no more`, 'docker load, if it was saved')
      : fail(`there is no image ${name}`, buildCommand(name));
  }
  const { Env, Labels } = found.Config ?? {};
  const layout = Labels?.[layoutLabel];
  if (layout === undefined) {
    fail(`the image ${name} was not made by galapagos`, `npx galapagos sandbox build --from ${name} --tag <name>`);
  }
  if (layout !== layoutVersion) fail(`the image ${name} was made by another version`, buildCommand(name));
  const path = Env?.find((setting) => setting.startsWith('PATH='))?.slice('PATH='.length);
  return { id: found.Id, architecture: found.Architecture, path: path ?? defaultPath };
}

function buildCommand(tag: string): string {
  return `npx galapagos sandbox build${tag === 'galapagos-sandbox' ? '' : ` --tag ${tag}`}`;
}
