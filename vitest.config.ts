import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts', ...(process.env.GALAPAGOS_FULL === '1' ? ['tests/**/*.full.ts'] : [])],
    setupFiles: ['tests/support/property-seed.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
  },
});
