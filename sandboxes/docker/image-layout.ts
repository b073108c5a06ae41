/** What `galapagos sandbox build` puts into an image, and where the provider relies on finding it. */
export const inside = {
  workspace: '/workspace',
  temporary: '/tmp',
  gatewayDirectory: '/run/galapagos',
  gateway: '/run/galapagos/gateway.sock',
  /**
   * A shell that its own user may run but not read. The kernel lets nobody
   * trace such a process or open its memory, so a candidate of the same user
   * cannot take it over.
   */
  shell: '/usr/local/lib/galapagos/sh',
  /** Where a runtime cannot start the other one. */
  readableShell: '/bin/sh',
  user: '1000:1000',
} as const;

export const defaultImage = 'galapagos-sandbox';
/** Says that an image was made by `galapagos sandbox build`; its value is the layout's version. */
export const layoutLabel = 'galapagos.layout';
export const layoutVersion = '2';
/** Where programs are looked for, when the image does not say. */
export const defaultPath = '/usr/local/bin:/usr/bin:/bin';
