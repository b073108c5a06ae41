/**
 * The system calls that a candidate does not get, as a seccomp filter. Namespaces
 * divide neither the kernel's keys nor virtual-machine sockets, so these would lead
 * from one sandbox to another and to the host; the rest are parts of the kernel that
 * ask for no right and have let many programs out. What needs a right is not here:
 * a candidate has none.
 */
const refused: Readonly<Record<string, Record<Machine, number>>> = {
  add_key: { x64: 248, arm64: 217 },
  request_key: { x64: 249, arm64: 218 },
  keyctl: { x64: 250, arm64: 219 },
  syslog: { x64: 103, arm64: 116 },
  bpf: { x64: 321, arm64: 280 },
  perf_event_open: { x64: 298, arm64: 241 },
  userfaultfd: { x64: 323, arm64: 282 },
  io_uring_setup: { x64: 425, arm64: 425 },
  io_uring_enter: { x64: 426, arm64: 426 },
  io_uring_register: { x64: 427, arm64: 427 },
};

type Machine = 'x64' | 'arm64';
/** `AUDIT_ARCH_*`: the calling convention, which also names 32-bit calls of a 64-bit program. */
const conventions: Record<Machine, number> = { x64: 0xc000003e, arm64: 0xc00000b7 };
const socketCalls: Record<Machine, number> = { x64: 41, arm64: 198 };
/** `AF_UNIX`, `AF_INET`, `AF_INET6`, `AF_NETLINK`: those that a network namespace divides. */
const families = [1, 2, 10, 16];

const load = 0x20;
const jumpIfEqual = 0x15;
const jumpIfAtLeast = 0x35;
const end = 0x06;
const allow = 0x7fff0000;
const refuseWith = (errno: number) => 0x00050000 | errno;
const notImplemented = refuseWith(38);
const familyNotSupported = refuseWith(97);
/** Offsets in `struct seccomp_data`; both machines are little-endian. */
const data = { call: 0, convention: 4, firstArgument: 16 };
/** The x32 convention shares x64's name and has numbers of its own, from here on. */
const x32 = 0x40000000;

/**
 * @returns `struct sock_filter[]` for this machine, or `null` where none is known.
 * @see Linux, Documentation/userspace-api/seccomp_filter.rst
 */
export function systemCallFilter(machine: string): Uint8Array | null {
  if (machine !== 'x64' && machine !== 'arm64') return null;
  const program: [code: number, ifTrue: number, ifFalse: number, value: number][] = [];
  const add = (code: number, value: number, ifTrue = 0, ifFalse = 0) => program.push([code, ifTrue, ifFalse, value]);
  add(load, data.convention);
  add(jumpIfEqual, conventions[machine], 1, 0);
  add(end, notImplemented);
  add(load, data.call);
  add(jumpIfAtLeast, x32, 0, 1);
  add(end, notImplemented);
  for (const numbers of Object.values(refused)) {
    add(jumpIfEqual, numbers[machine], 0, 1);
    add(end, notImplemented);
  }
  add(jumpIfEqual, socketCalls[machine], 0, families.length + 2);
  add(load, data.firstArgument);
  for (const [i, family] of families.entries()) add(jumpIfEqual, family, families.length - i, 0);
  add(end, familyNotSupported);
  add(end, allow);
  const bytes = new DataView(new ArrayBuffer(program.length * 8));
  program.forEach(([code, ifTrue, ifFalse, value], i) => {
    bytes.setUint16(i * 8, code, true);
    bytes.setUint8(i * 8 + 2, ifTrue);
    bytes.setUint8(i * 8 + 3, ifFalse);
    bytes.setUint32(i * 8 + 4, value, true);
  });
  return new Uint8Array(bytes.buffer);
}
