import { markStoreSuite } from '../conformance/mark-store.suite.ts';
import { markStores } from '../support/mark-stores.ts';

for (const kind of markStores.filter(({ name }) => name === 'NATS')) markStoreSuite(kind);
