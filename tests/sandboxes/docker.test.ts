import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { sandboxSuite } from '../conformance/sandbox.suite.ts';

const status = await createDockerProvider().probe();
const missing = status.usable ? null : `${status.why}; ${status.fix}`;

sandboxSuite('docker', () => createDockerProvider(), missing);
