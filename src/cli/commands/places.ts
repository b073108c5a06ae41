import { isAbsolute, join, relative, resolve, sep } from 'node:path';

/** Where runs live unless `--out` says otherwise, relative to the current directory. */
export const defaultOut = join('results', 'runs');

/** A path as short as it can be written from here. */
export function fromHere(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith(`..${sep}`) || short === '..' || isAbsolute(short) ? path : short;
}

/** How a run is named on the command line: its id where that is enough, its directory elsewhere. */
export function nameOfRun(run: string, dir: string): string {
  return resolve(defaultOut, run) === dir ? run : shellWord(fromHere(dir));
}

/** One word of a shell command. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A server's address without its user and password. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/g, '//…@');
}
