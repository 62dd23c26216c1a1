/** @type {import("jest").Config} */
module.exports = {
  testMatch: ["<rootDir>/{ingestor,reader,prisma,runtime,tools,e2e}/**/*.test.ts"],
  // faker and the page are ES modules, which jest cannot require.
  transform: {
    "\\.ts$|/@faker-js/.*\\.js$|/reader/page/.*\\.js$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2022" } },
    ],
  },
  transformIgnorePatterns: ["/node_modules/(?!@faker-js/)"],
  // Prisma's generated client imports its own TypeScript files by the names that they will have when compiled.
  moduleNameMapper: { "^(\\.\\.?/(?!.*node_modules).+)\\.js$": "$1" },
  globalSetup: "<rootDir>/e2e/support/start-services.ts",
  globalTeardown: "<rootDir>/e2e/support/stop-services.ts",
  testSequencer: "<rootDir>/e2e/support/whole-system-first.js",
  // On two cores: a third uses what the two leave idle while they wait for Kafka, Postgres and processes that start.
  maxWorkers: 3,
  // Generous, because a machine may be busy: what matters in time is asserted where it is promised.
  testTimeout: 180_000,
  // A process that a failed test left behind must not keep the whole run from ending.
  forceExit: true,
};
