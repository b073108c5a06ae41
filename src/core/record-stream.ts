/** What one process adds to a stream. */
export interface NewRecord {
  /** One or more tokens (`[a-z0-9-]`); the first names who writes. */
  readonly topic: readonly string[];
  /** Of the writer's own choosing: a second record with it is the first one, as long as the stream remembers. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

export interface StoredRecord {
  /** From 1, ascending; numbers may be missing. */
  readonly sequence: number;
  readonly topic: readonly string[];
  readonly bytes: Uint8Array;
}

/**
 * Records in one order that many processes share and that outlives them all:
 * each of them sees the same records in the same order.
 */
export interface RecordStream extends AsyncDisposable {
  /**
   * Resolves when the record is stored, over any number of lost connections.
   * @returns its place, or that of an earlier record with the same id.
   * @throws {BusUnavailableError} when the server refuses; @throws `ended`'s reason.
   */
  append(record: NewRecord): Promise<{ readonly sequence: number; readonly isRepeat: boolean }>;
  /**
   * Calls back for every record from the first on and then as they come, one
   * at a time. Resolves when everything stored before was delivered. Once
   * only; a callback that throws ends the stream.
   */
  follow(onRecord: (record: StoredRecord) => void): Promise<void>;
  /** Removes records for good; those that are not there are no error. */
  remove(sequences: readonly number[]): Promise<void>;
  /**
   * Aborts when nothing more will come: with a BusClosedError after disposal,
   * with a StorageFailedError when what had been delivered is gone from the server.
   */
  readonly ended: AbortSignal;
}
