import { defineConfig } from 'vitest/config';

const LONGER = ['test/**/*.full.test.ts', 'test/aws/**'];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores: more workers only make the engines' stalls longer.
    maxWorkers: 2,
    projects: [
      // Rooms keep nothing from test to test: what one file has loaded, the next one uses, which saves a fifth of their time.
      {
        extends: true,
        test: {
          name: 'rooms',
          include: ['test/shared/**/*.test.ts', 'test/functions/**/*.test.ts', 'test/simulation/**/*.test.ts'],
          exclude: LONGER,
          isolate: false,
        },
      },
      { extends: true, test: { name: 'house', include: ['test/infra/**/*.test.ts'], exclude: LONGER } },
    ],
  },
});
