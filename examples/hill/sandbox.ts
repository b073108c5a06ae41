import { builtInProviders, defineSandbox } from 'galapagos';

/** A sandbox provider. This one is the built-in `process`, which isolates nothing, under a name of its own. */
export default defineSandbox({
  name: 'plain',
  create: () => {
    const inner = builtInProviders().find((provider) => provider.name === 'process')!;
    return {
      name: 'plain',
      isolation: inner.isolation,
      gaps: inner.gaps,
      probe: () => inner.probe(),
      open: (spec, signal) => inner.open(spec, signal),
      reap: (run, options) => inner.reap(run, options),
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    };
  },
});
