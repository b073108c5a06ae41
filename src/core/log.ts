import pino from 'pino';

export type Logger = pino.Logger;

const secrets = [
  ...['apiKey', '*.apiKey', '*.*.apiKey'],
  ...['', '*.', '*.*.'].flatMap((at) => [`${at}headers.authorization`, `${at}headers.Authorization`]),
];

/**
 * The run's log, for people, on standard error; the journal is the record.
 * Text from a model or a candidate never becomes a key, and goes under
 * `untrusted` when it must be logged.
 */
export function createLogger(options: {
  readonly level?: string;
  readonly bindings?: Readonly<Record<string, string>>;
  readonly destination?: pino.DestinationStream;
}): Logger {
  return pino(
    {
      level: options.level ?? 'warn',
      base: { ...options.bindings },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secrets, censor: '[redacted]' },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );
}
