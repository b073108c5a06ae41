import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { hostileSuite } from '../conformance/hostile.suite.ts';
import { sandboxSuite } from '../conformance/sandbox.suite.ts';

const status = await createBubblewrapProvider().probe();
const missing = status.usable ? null : `${status.why}; ${status.fix}`;

sandboxSuite('bubblewrap', () => createBubblewrapProvider(), missing);
hostileSuite('bubblewrap', () => createBubblewrapProvider(), missing);
