import { createConnection, type Socket } from 'node:net';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { quoted } from '../shell-words.ts';
import type { PrimedShell } from './primed-shell.ts';

/** Where the gateway is inside when no socket of this host can be mounted. */
export const tunnelSocket = '/tmp/.galapagos-gateway.sock';

const kinds = { open: 1, data: 2, end: 3, close: 4, ready: 5 } as const;
const headerBytes = 9;
/** More than one read of a pipe or a socket brings. */
const maxFrameBytes = 1_048_576;
const maxConnections = 256;

/** Listens inside and passes everything on through its own input and output, as frames: kind, connection, length, bytes. */
const program = `
const { createServer } = require('node:net');
const open = new Map();
let last = 0;
const send = (kind, id, body = Buffer.alloc(0)) => {
  const header = Buffer.alloc(${headerBytes});
  header[0] = kind;
  header.writeUInt32BE(id, 1);
  header.writeUInt32BE(body.length, 5);
  process.stdout.write(Buffer.concat([header, body]));
};
createServer({ allowHalfOpen: true }, (socket) => {
  const id = ++last;
  open.set(id, socket);
  send(${kinds.open}, id);
  socket.on('data', (body) => send(${kinds.data}, id, body));
  socket.on('end', () => send(${kinds.end}, id));
  socket.on('error', () => {});
  socket.on('close', () => { open.delete(id); send(${kinds.close}, id); });
}).listen(process.argv[1], () => send(${kinds.ready}, 0));
let wire = Buffer.alloc(0);
process.stdin.on('data', (chunk) => {
  wire = Buffer.concat([wire, chunk]);
  while (wire.length >= ${headerBytes} && wire.length >= ${headerBytes} + wire.readUInt32BE(5)) {
    const end = ${headerBytes} + wire.readUInt32BE(5);
    const socket = open.get(wire.readUInt32BE(1));
    const kind = wire[0];
    if (kind === ${kinds.data}) socket?.write(wire.subarray(${headerBytes}, end));
    else if (kind === ${kinds.end}) socket?.end();
    else if (socket?.writableEnded) socket.destroySoon(); // what was answered may still be on its way to a slow reader
    else socket?.destroy();
    wire = wire.subarray(end);
  }
});
process.stdin.on('end', () => process.exit());
`;

const startMs = 30_000;

/**
 * Offers the gateway inside a container whose engine cannot see this host's
 * sockets: on another machine, in a virtual machine, or behind a kernel of its
 * own. A helper inside listens and speaks through its own input and output.
 * The helper has the candidate's rights, so what it says is believed as
 * little as the candidate: it can open connections to the gateway, no more.
 *
 * @param target - The gateway's socket on this host.
 * @returns when it listens; it ends when its container is swept.
 * @throws {SandboxUnavailableError} when it cannot be started.
 */
export async function openTunnel(shell: PrimedShell, path: string, target: string): Promise<void> {
  const open = new Map<number, Socket>();
  const { stream } = shell;
  const end = () => {
    stream.destroy();
    for (const socket of open.values()) socket.destroy();
  };
  await new Promise<void>((resolve, reject) => {
    let complaint = '';
    const fail = () => reject(new SandboxUnavailableError(`the gateway cannot be offered inside: ${complaint.trim()}`));
    const timer = setTimeout(end, startMs);
    stream.on('close', () => {
      clearTimeout(timer);
      end();
      fail();
    });
    stream.on('end', end);
    const receive = frames((kind, id, body) => {
      if (kind === kinds.ready) {
        clearTimeout(timer);
        resolve();
      } else accept(open, stream, target, kind, id, body);
    }, end);
    shell.onOutput((isError, bytes) => {
      if (isError) complaint = (complaint + bytes).slice(0, 500);
      else receive(bytes);
    });
    const line = [`rm -rf ${tunnelSocket}; exec env -i`, quoted(`PATH=${path}`), 'node', '-e'].join(' ');
    stream.write(`${line} ${quoted(program)} ${tunnelSocket}\n`);
  });
}

type Stream = PrimedShell['stream'];

function accept(open: Map<number, Socket>, stream: Stream, target: string, kind: number, id: number, body: Buffer) {
  const known = open.get(id);
  if (kind === kinds.data && known?.write(body) === false) {
    // A gateway that is slow to read holds up this sandbox, and nothing piles up here.
    stream.pause();
    const goOn = () => stream.resume();
    known.once('drain', goOn).once('close', goOn);
  }
  if (kind === kinds.end) known?.end();
  if (kind === kinds.close) known?.destroy();
  if (kind !== kinds.open || known !== undefined) return;
  const send = (what: number, bytes?: Buffer) => stream.writable && stream.write(frame(what, id, bytes));
  if (open.size >= maxConnections) {
    send(kinds.close);
    return;
  }
  const socket = createConnection({ path: target, allowHalfOpen: true });
  open.set(id, socket);
  socket.on('data', (bytes: Buffer) => {
    if (send(kinds.data, bytes) !== false) return;
    socket.pause();
    stream.once('drain', () => socket.resume());
  });
  socket.on('end', () => send(kinds.end));
  socket.on('error', () => {});
  socket.on('close', () => {
    open.delete(id);
    send(kinds.close);
  });
}

function frame(kind: number, id: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(headerBytes);
  header[0] = kind;
  header.writeUInt32BE(id, 1);
  header.writeUInt32BE(body.length, 5);
  return Buffer.concat([header, body]);
}

/** @param onNonsense - Called when what arrives cannot be a frame. */
function frames(onFrame: (kind: number, id: number, body: Buffer) => void, onNonsense: () => void) {
  let wire = Buffer.alloc(0);
  return (bytes: Buffer) => {
    wire = Buffer.concat([wire, bytes]);
    while (wire.length >= headerBytes) {
      const end = headerBytes + wire.readUInt32BE(5);
      if (end > maxFrameBytes) return onNonsense();
      if (wire.length < end) return;
      onFrame(wire[0]!, wire.readUInt32BE(1), wire.subarray(headerBytes, end));
      wire = wire.subarray(end);
    }
  };
}
