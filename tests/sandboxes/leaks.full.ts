import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { createProcessProvider } from '../../sandboxes/process/create-process-provider.ts';
import { leakSuite } from '../conformance/leaks.suite.ts';
import { dockerMissing, thingsOf } from '../support/docker.ts';

const status = await createBubblewrapProvider().probe();
const missing = status.usable ? null : `${status.why}; ${status.fix}`;
const linux = process.platform === 'linux' ? null : 'the census reads proc';

leakSuite('bubblewrap', (scratchDir) => createBubblewrapProvider({ scratchDir }), missing, { cycles: 1_000 });
leakSuite('process', (scratchDir) => createProcessProvider({ scratchDir }), linux, { cycles: 1_000 });
leakSuite('docker', (scratchDir) => createDockerProvider({ scratchDir }), await dockerMissing(), {
  cycles: 1_000,
  atOnce: 4,
  leftovers: thingsOf,
});
leakSuite('bubblewrap, eight at once', (scratchDir) => createBubblewrapProvider({ scratchDir }), missing, {
  cycles: 400,
  atOnce: 8,
});
