// Vitest reporter that leaves the counts of a run where scripts/test.mjs finds them.
import { writeFileSync } from "node:fs";

/** Counts tests by outcome; a file that fails outside its tests, or an error nobody caught, is a failure too. */
export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const summary = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const testModule of modules) {
      let failedHere = 0;
      for (const test of testModule.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") summary.passed += 1;
        else if (state === "failed") failedHere += 1;
        else summary.skipped.push(`${testModule.relativeModuleId}: ${test.fullName}`);
      }
      if (failedHere === 0 && testModule.state() === "failed") failedHere = 1;
      summary.failed += failedHere;
    }
    const path = process.env.WANHUI_SUMMARY_FILE;
    if (path) writeFileSync(path, JSON.stringify(summary));
  }
}
