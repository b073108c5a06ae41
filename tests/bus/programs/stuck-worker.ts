/** A worker process that takes one job, says so, and never finishes it. Arguments: URL, run, queue, leaseMs. */
import { createNatsBus } from '../../../src/bus/nats-bus.ts';
import { parseRunId } from '../../../src/core/ids.ts';

const [servers = '', run = '', queue = '', leaseMs = ''] = process.argv.slice(2);
const bus = await createNatsBus({ servers, run: parseRunId(run) });
await bus.work(
  queue,
  ({ key }, { delivery }) => {
    console.log(`took ${key} ${delivery}`);
    return new Promise(() => {});
  },
  { leaseMs: Number(leaseMs) },
);
console.log('ready');
