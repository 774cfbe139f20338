import { expect, test } from "vitest";
import { adviceFor } from "./advice.ts";

// Lines as PostgreSQL 18 and Node.js 20 really said them on machines prepared for it.
test.each([
  ['FATAL:  could not extend file "base/1/2691": No space left on device', "disk is full"],
  ["ENOSPC: no space left on device, write", "disk is full"],
  ["initdb: error: could not create directory: Permission denied", "who owns"],
  ["EROFS: read-only file system, mkdir", "read-only"],
  ["postgres: error while loading shared libraries: libxml2.so.2", "DATABASE_URL"],
  ["something never seen before", "wanhui doctor"],
])("%s", (said, advice) => {
  expect(adviceFor(said)).toContain(advice);
});
