import { createProcessProvider } from '../../sandboxes/process/create-process-provider.ts';
import { hostileSuite } from '../conformance/hostile.suite.ts';
import { sandboxSuite } from '../conformance/sandbox.suite.ts';

const counters = process.platform === 'linux' ? (['cpuMs', 'bytesWritten'] as const) : [];

sandboxSuite('process', () => createProcessProvider(), null, counters);
hostileSuite('process', () => createProcessProvider());
