import { createProcessProvider } from '../../sandboxes/process/create-process-provider.ts';
import { sandboxSuite } from '../conformance/sandbox.suite.ts';

sandboxSuite('process', () => createProcessProvider());
