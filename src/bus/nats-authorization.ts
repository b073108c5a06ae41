import { nkeys } from '@nats-io/transport-node';
import { IdInvalidError } from '../core/errors.ts';
import { isToken, type LineageId, type RunId } from '../core/ids.ts';
import { recordNames } from './nats-names.ts';

/** What a client proves who it is with. Nothing that prints or serialises it shows the key. */
export interface NatsCredential {
  readonly user: string;
  /** The private key, for the client library alone. */
  readonly seed: () => Uint8Array;
}

/** One lineage of one run. It may ask the guard, and writes no record itself. */
export interface NatsGuest {
  readonly run: RunId;
  readonly lineage: LineageId;
  /** Topics of anybody's records that it may watch as they are stored, each with all below it. */
  readonly reads: readonly string[];
}

export interface NatsAuthorization {
  /** For `spawnNatsServer`, or for the configuration file of a server of your own. Holds public keys only. */
  readonly config: string;
  /** For the runtime: everything there is. */
  readonly runtime: NatsCredential;
  /** In the order of the guests. */
  readonly guests: readonly NatsCredential[];
}

const runtimeAccount = 'RUNTIME';

/**
 * Credentials with which every mark goes through the guard, and the server
 * configuration that knows them: a lineage may ask on one subject, which
 * nobody else may use, and watch what is stored.
 *
 * Every lineage has an account of its own, not only a user with permissions:
 * within one account whoever asks chooses where the answer goes, and the guard
 * sends it there with rights of its own. As an answer to
 * `$JS.API.STREAM.PURGE.…` it empties the stream. Between accounts an answer
 * comes back to its asker's account, where no stream is.
 *
 * Needs nothing newer than NATS 2.9.
 *
 * @throws {IdInvalidError} for a topic that is none.
 */
export function natsAuthorization(guests: readonly NatsGuest[]): NatsAuthorization {
  const runtime = createCredential('runtime');
  const known = guests.map((guest) => ({ ...rightsOf(guest), ...createCredential(`${guest.run}/${guest.lineage}`) }));
  const exported = known.flatMap(({ account, asks, watches }) => [
    `      { service: ${quote(asks)}, accounts: [${account}] }`,
    ...watches.map((subject) => `      { stream: ${quote(subject)}, accounts: [${account}] }`),
  ]);
  const config = [
    'accounts {',
    `  ${runtimeAccount} {`,
    '    jetstream: enabled',
    `    users: [ { nkey: ${runtime.publicKey} } ]`,
    '    exports: [',
    ...exported,
    '    ]',
    '  }',
    ...known.flatMap(guestAccount),
    '}',
    '',
  ].join('\n');
  const handedOut = ({ user, seed }: NatsCredential): NatsCredential => ({ user, seed });
  return { config, runtime: handedOut(runtime), guests: known.map(handedOut) };
}

function createCredential(user: string) {
  const pair = nkeys.createUser();
  const seed = pair.getSeed();
  return { user, seed: () => seed.slice(), publicKey: pair.getPublicKey() };
}

function rightsOf({ run, lineage, reads }: NatsGuest) {
  const { askSubject, storedSubject } = recordNames(run);
  return {
    account: quote(`${run}/${lineage}`),
    asks: askSubject(lineage),
    watches: reads
      .map((topic) => ['*', ...tokensOf(topic)])
      .flatMap((topic) => [storedSubject(topic), storedSubject([...topic, '>'])]),
  };
}

function tokensOf(topic: string): string[] {
  const tokens = topic.split('/');
  if (!tokens.every(isToken)) throw new IdInvalidError(`${JSON.stringify(topic)} is not a topic`);
  return tokens;
}

type Known = ReturnType<typeof rightsOf> & ReturnType<typeof createCredential>;

/** The permissions say again what the imports say: they turn silence into an error that the client sees. */
function guestAccount({ account, asks, watches, publicKey }: Known): string[] {
  const list = (subjects: readonly string[]) => `[${subjects.map(quote).join(', ')}]`;
  const imported = [
    `      { service: { account: ${runtimeAccount}, subject: ${quote(asks)} } }`,
    ...watches.map((subject) => `      { stream: { account: ${runtimeAccount}, subject: ${quote(subject)} } }`),
  ];
  return [
    `  ${account} {`,
    `    users: [ { nkey: ${publicKey}, permissions: {`,
    `      publish: ${list([asks])}`,
    `      subscribe: ${list(['_INBOX.>', ...watches])}`,
    '    } } ]',
    '    imports: [',
    ...imported,
    '    ]',
    '  }',
  ];
}

const quote = (text: string) => JSON.stringify(text);
