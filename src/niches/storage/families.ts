import type { ContentKind } from './content.ts';

/** Where things are inside. A world's own tree is below the first; the last is read-only and another device. */
export const places = { root: '/workspace', temporary: '/tmp', memory: '/dev/shm', system: '/workspace/usr' } as const;

/** One extension and what such files are made of. */
export const contentOfExtension: Readonly<Record<string, ContentKind>> = {
  log: 'log',
  '1': 'log',
  gz: 'gzip',
  txt: 'log',
  sql: 'log',
  html: 'log',
  eml: 'log',
  mbox: 'log',
  conf: 'log',
  tmp: 'records',
  db: 'records',
  o: 'records',
  bin: 'records',
  jar: 'media',
  jpg: 'media',
  mp4: 'media',
  zip: 'media',
  iso: 'media',
  pdf: 'media',
};

export interface Habitat {
  /** Word for it in an observation. */
  readonly word: string;
  readonly path: string;
  readonly extensions: readonly string[];
  readonly names: readonly string[];
  /** How many files, at least and at most. */
  readonly files: readonly [least: number, most: number];
  /** How many levels of generated directories lie between it and a file, at most. */
  readonly depth: number;
  /** Ages of its files in days, at least and at most; drawn evenly on a logarithmic scale. */
  readonly ageDays: readonly [least: number, most: number];
  /** Share of its files that a process keeps open. */
  readonly held: number;
  /** Share of its files that have a second name somewhere else. */
  readonly linked: number;
  /** Factor on the chance that a directory of it is closed to writing. */
  readonly guarded: number;
}

/** A file that its service reads: without it, whole and unchanged, the node does not answer. */
export interface VitalFile {
  readonly path: string;
  /** Relative weight of its size among all files, where an ordinary file has 1 to 64. */
  readonly weight: number;
}

export interface Family {
  readonly habitats: readonly Habitat[];
  readonly vital: readonly VitalFile[];
  /** The log that the service appends to after every command, below a habitat. */
  readonly ownLog: string;
}

const habitat = (
  word: string,
  path: string,
  extensions: readonly string[],
  names: readonly string[],
  rest: Partial<Habitat> = {},
): Habitat => ({
  ...{ word, path: path.startsWith('/') ? path : `${places.root}/${path}`, extensions, names },
  ...{ files: [2, 5], depth: 0, ageDays: [1, 200], held: 0, linked: 0, guarded: 1 },
  ...rest,
});

const trashNames = ['Untitled document', "anna's copy", '-rf', 'a\nb', 'naïve résumé', '$HOME', '*', 'quote"d', '  '];
const temporary = habitat('temporary', places.temporary, ['tmp', 'bin', 'txt'], ['sess', 'upload', 'core', 'spool'], {
  files: [1, 3],
  ageDays: [0.01, 40],
  held: 0.2,
  guarded: 0,
});
const backups = habitat('backups', 'var/backups', ['sql', 'gz', 'bin'], ['daily', 'weekly', 'dump', 'image'], {
  files: [2, 4],
  ageDays: [2, 500],
  linked: 0.15,
  guarded: 1.5,
});

export const families = {
  web: {
    habitats: [
      habitat('web-logs', 'var/log/nginx', ['log', 'log', '1', 'gz'], ['access', 'error', 'api', 'static'], {
        files: [3, 6],
        ageDays: [0.02, 60],
        held: 0.35,
      }),
      habitat('app-logs', 'var/log/app', ['log', '1', 'gz', 'txt'], ['worker', 'queue', 'audit', 'trace'], {
        files: [2, 5],
        ageDays: [0.02, 90],
        held: 0.25,
      }),
      habitat('cache', 'var/cache/nginx', ['bin', 'tmp', 'html', 'jpg'], ['page', 'fragment', 'thumb', 'feed'], {
        files: [3, 7],
        depth: 3,
        ageDays: [0.01, 30],
        guarded: 0.5,
      }),
      habitat('uploads', 'srv/www/uploads', ['jpg', 'mp4', 'zip', 'pdf'], ['photo', 'clip', 'invoice', 'catalogue'], {
        depth: 1,
        ageDays: [1, 700],
      }),
      habitat('build', 'home/deploy/build', ['o', 'jar', 'bin', 'log'], ['main', 'core', 'bundle', 'test'], {
        depth: 2,
        ageDays: [0.1, 120],
        linked: 0.3,
        guarded: 0.5,
      }),
      habitat('trash', 'home/deploy/.local/share/Trash/files', ['zip', 'log', 'txt', 'sql'], trashNames, {
        files: [1, 3],
        ageDays: [5, 300],
        linked: 0.1,
      }),
      backups,
      temporary,
      habitat('web-root', 'srv/www/html', ['html', 'jpg', 'pdf'], ['about', 'banner', 'terms'], { files: [1, 2] }),
      habitat('database', 'srv/db', ['db', 'sql'], ['archive', 'old'], { files: [0, 1], guarded: 0.5 }),
    ],
    vital: [
      { path: 'srv/db/shop.db', weight: 40 },
      { path: 'srv/www/html/index.html', weight: 2 },
      { path: 'etc/nginx/nginx.conf', weight: 0.5 },
    ],
    ownLog: 'var/log/nginx/requests.log',
  },
  mail: {
    habitats: [
      habitat('mail-logs', 'var/log/mail', ['log', 'log', '1', 'gz'], ['mail', 'imap', 'spam', 'auth'], {
        files: [3, 5],
        ageDays: [0.02, 60],
        held: 0.35,
      }),
      habitat('spool', 'var/spool/postfix/deferred', ['eml', 'tmp'], ['msg', 'bounce', 'retry'], {
        files: [2, 5],
        depth: 1,
        ageDays: [0.05, 20],
        held: 0.1,
      }),
      habitat('maildir', 'home/anna/Maildir/cur', ['eml', 'eml', 'gz'], ['letter', 'newsletter', 'report'], {
        files: [3, 6],
        ageDays: [0.5, 900],
      }),
      habitat(
        'documents',
        'home/anna/Documents',
        ['pdf', 'txt', 'zip'],
        ['thesis v2 (final)', 'taxes', "ben's", 'CV'],
        {
          depth: 2,
          ageDays: [3, 900],
          linked: 0.2,
          guarded: 1.5,
        },
      ),
      habitat('downloads', 'home/anna/Downloads', ['iso', 'zip', 'mp4', 'pdf'], ['setup', 'movie [1]', 'manual', 'x'], {
        ageDays: [1, 400],
        linked: 0.1,
      }),
      habitat('thumbnails', 'home/anna/.cache/thumbnails', ['jpg', 'bin', 'tmp'], ['large', 'normal', 'fail'], {
        files: [2, 6],
        depth: 2,
        ageDays: [0.1, 200],
        guarded: 0.5,
      }),
      habitat('trash', 'home/anna/.local/share/Trash/files', ['zip', 'mp4', 'txt', 'eml'], trashNames, {
        files: [1, 3],
        ageDays: [5, 300],
      }),
      backups,
      temporary,
      habitat('mailboxes', 'var/mail', ['mbox', 'gz'], ['carl', 'archive'], { files: [0, 2], guarded: 0.5 }),
    ],
    vital: [
      { path: 'var/mail/anna.mbox', weight: 30 },
      { path: 'var/lib/imap/index.db', weight: 15 },
      { path: 'etc/postfix/main.conf', weight: 0.5 },
    ],
    ownLog: 'var/log/mail/delivery.log',
  },
} as const satisfies Record<string, Family>;

export type FamilyName = keyof typeof families;
export const familyNames = Object.keys(families) as FamilyName[];
