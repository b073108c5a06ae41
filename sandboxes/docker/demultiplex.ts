const headerBytes = 8;

/**
 * Takes apart the engine's stream of a command without a terminal: a header of
 * eight bytes (which stream, three zeros, length), then as many bytes. What
 * arrives in pieces is passed on in pieces, so nothing is held back.
 */
export function demultiplex(onData: (isError: boolean, bytes: Buffer) => void): (chunk: Buffer) => void {
  let header = Buffer.alloc(0);
  let isError = false;
  let left = 0;
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (left > 0) {
        const piece = chunk.subarray(at, at + left);
        at += piece.length;
        left -= piece.length;
        onData(isError, piece);
        continue;
      }
      const piece = chunk.subarray(at, at + headerBytes - header.length);
      at += piece.length;
      header = Buffer.concat([header, piece]);
      if (header.length < headerBytes) return;
      isError = header[0] === 2;
      left = header.readUInt32BE(4);
      header = Buffer.alloc(0);
    }
  };
}
