import { createReadStream, statSync } from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Header, Pack } from 'tar-stream';
import { PrerequisiteMissingError } from '../../../src/core/errors.ts';
import { inside } from '../image-layout.ts';

export interface RewriteOptions {
  /** Put in as `/usr/local/bin/node`; `null` keeps the system's own. */
  readonly nodePath: string | null;
  /** Leaves out documentation and translations. */
  readonly isSlim: boolean;
}

/** The user of every sandbox, for a system that has none with this number. */
const accounts: Readonly<Record<string, { readonly line: string; readonly has: RegExp }>> = {
  'etc/passwd': { line: 'agent:x:1000:1000:agent:/tmp:/bin/sh', has: /^[^:]*:[^:]*:1000:/m },
  'etc/group': { line: 'agent:x:1000:', has: /^[^:]*:[^:]*:1000:/m },
};
const shells = new Set(['sh', 'dash', 'bash', 'busybox', 'ash']);
const maxShellBytes = 16 * 2 ** 20;
const nodeName = 'usr/local/bin/node';

/**
 * Turns the root file system of a Linux into that of a sandbox: a tar archive
 * in, a tar archive out. Nothing of it is run, and nothing unpacked on this host.
 */
export async function rewriteRootfs(input: Readable, options: RewriteOptions): Promise<Readable> {
  const { extract, pack } = await import('tar-stream');
  const archive = extract();
  const out = pack();
  // An error on one side reaches whoever reads the other.
  pipeline(input, archive as unknown as NodeJS.WritableStream).catch((error: Error) => archive.destroy(error));
  copy(archive as AsyncIterable<Entry>, out, options).then(
    () => out.finalize(),
    (error: Error) => out.destroy(error),
  );
  return Readable.from(out);
}

type Entry = AsyncIterable<Uint8Array> & { readonly header: Header };

async function copy(archive: AsyncIterable<Entry>, out: Pack, options: RewriteOptions): Promise<void> {
  const links = new Map<string, string>();
  const kept = new Map<string, Buffer>();
  for await (const entry of archive) {
    const header = cleaned(entry.header);
    const { name, type, linkname } = header;
    const isDropped = name === '' || isLeftOut(name, options) || (type === 'link' && isLeftOut(linkname, options));
    if (isDropped || type !== 'file') {
      for await (const _ of entry);
      if (!isDropped) out.entry(header);
      if (type === 'symlink') links.set(name, linkname);
      if (type === 'link') links.set(name, `/${linkname}`);
    } else if (name in accounts) {
      kept.set(name, await bytesOf(entry));
    } else if (shells.has(posix.basename(name)) && header.size <= maxShellBytes) {
      const bytes = await bytesOf(entry);
      kept.set(name, bytes);
      out.entry(header, bytes);
    } else await pour(entry, out, header);
  }
  await addOwn(out, kept, links, options);
}

/** Without owners' names, extended attributes, and the bits that lend somebody else's rights. */
function cleaned(header: Header): Header {
  const plain = (path: string | null) =>
    posix
      .normalize(`/${path ?? ''}`)
      .slice(1)
      .replace(/\/$/, '');
  const linkname = header.type === 'link' ? plain(header.linkname) : header.linkname;
  const mode = header.type === 'directory' ? header.mode : header.mode & 0o1777;
  return { ...header, name: plain(header.name), linkname, mode, uname: '', gname: '', pax: null };
}

const always = /^(tmp|workspace|run\/galapagos|usr\/local\/lib\/galapagos)(\/|$)|^\.dockerenv$/;
const contentsOf = /^(dev|proc|sys|var\/cache\/apt|var\/lib\/apt\/lists)\/./;
const documentation = /^usr\/share\/(doc|doc-base|man|info|locale|lintian)\/./;

function isLeftOut(name: string, options: RewriteOptions): boolean {
  if (name === nodeName && options.nodePath !== null) return true;
  return always.test(name) || contentsOf.test(name) || (options.isSlim && documentation.test(name));
}

async function addOwn(
  out: Pack,
  kept: ReadonlyMap<string, Buffer>,
  links: ReadonlyMap<string, string>,
  { nodePath }: RewriteOptions,
): Promise<void> {
  const shell = kept.get(resolve('bin/sh', links));
  if (shell === undefined) throw new PrerequisiteMissingError('the root file system has no /bin/sh');
  for (const [name, { line, has }] of Object.entries(accounts)) {
    const text = kept.get(name)?.toString() ?? '';
    const separator = text === '' || text.endsWith('\n') ? '' : '\n';
    out.entry({ name, mode: 0o644 }, has.test(text) ? text : `${text}${separator}${line}\n`);
  }
  const at = (path: string) => path.slice(1);
  out.entry({ name: at(inside.workspace), type: 'directory', mode: 0o755, uid: 1000, gid: 1000 });
  out.entry({ name: at(inside.gatewayDirectory), type: 'directory', mode: 0o755 });
  out.entry({ name: at(inside.temporary), type: 'directory', mode: 0o1777 });
  out.entry({ name: posix.dirname(at(inside.shell)), type: 'directory', mode: 0o755 });
  out.entry({ name: at(inside.shell), mode: 0o711 }, shell);
  if (nodePath === null) return;
  const { size } = statSync(nodePath);
  const header = { ...cleaned({ name: nodeName, type: 'file' } as Header), mode: 0o755, size };
  await pour(createReadStream(nodePath), out, header);
}

/** Follows links as the system itself would, from its root. */
function resolve(path: string, links: ReadonlyMap<string, string>): string {
  let resolved = '';
  let pending = path.split('/');
  for (let steps = 0; pending.length > 0 && steps < 100; steps += 1) {
    const next = posix.join(resolved, pending[0]!);
    const link = links.get(next);
    pending = pending.slice(1);
    if (link === undefined) resolved = next;
    else pending = [...posix.resolve(`/${resolved}`, link).slice(1).split('/'), ...pending];
    if (link !== undefined) resolved = '';
  }
  return resolved;
}

async function bytesOf(entry: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function pour(content: AsyncIterable<Uint8Array>, out: Pack, header: Header): Promise<void> {
  let settle = (_error?: Error | null) => {};
  const done = new Promise<void>((resolve, reject) => {
    settle = (error) => (error ? reject(error) : resolve());
  });
  const sink = out.entry(header, settle);
  for await (const chunk of content) {
    if (!sink.write(chunk)) await new Promise<void>((resolve) => sink.once('drain', () => resolve()));
  }
  sink.end(undefined);
  await done;
}
