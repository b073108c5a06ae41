import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { hostileSuite } from '../conformance/hostile.suite.ts';
import { sandboxSuite } from '../conformance/sandbox.suite.ts';

const create = () => createBubblewrapProvider({ cgroups: 'never' });
const status = await create().probe();
const missing = status.usable ? null : `${status.why}; ${status.fix}`;

sandboxSuite('bubblewrap without control groups', create, missing);
hostileSuite('bubblewrap without control groups', create, missing);
