import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { hostileSuite } from '../conformance/hostile.suite.ts';

const status = await createDockerProvider().probe();
const missing = status.usable ? null : `${status.why}; ${status.fix}`;

hostileSuite('docker', () => createDockerProvider(), missing);
