import { defineConfig } from 'vitest/config';

/** `npm run test:full`: everything of `npm test`, and what takes longer than a developer waits. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/aws/**'],
    testTimeout: 900_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
