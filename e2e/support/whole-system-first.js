const { default: TestSequencer } = require("@jest/test-sequencer");

/**
 * The order in which jest begins the tests: after those that failed last time, those that take longest, so that none of
 * them runs on alone at the end. On a fresh clone, where no times are known, jest goes by the sizes of the files; tests of
 * the whole system are short to write and long to run, so they come before the others here.
 */
module.exports = class WholeSystemFirst extends TestSequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    if (sorted.some(({ duration }) => duration !== undefined)) return sorted;
    const isOfTheWhole = ({ path }) => path.endsWith(".e2e.test.ts");
    return [...sorted.filter(isOfTheWhole), ...sorted.filter((test) => !isOfTheWhole(test))];
  }
};
