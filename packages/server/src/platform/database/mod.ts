export { checkDatabase, type DatabaseFinding, type DatabaseReport, inspectDatabase } from "./check.ts";
export { type Migration, migrate, readMigrations } from "./migrations.ts";
export { createDatabase, createPool, type PoolOptions } from "./pool.ts";
