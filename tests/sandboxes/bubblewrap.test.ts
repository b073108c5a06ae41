import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { sandboxSuite } from '../conformance/sandbox.suite.ts';

const status = await createBubblewrapProvider().probe();
const missing = status.usable ? null : `${status.why}; ${status.fix}`;

sandboxSuite('bubblewrap', () => createBubblewrapProvider(), missing);
