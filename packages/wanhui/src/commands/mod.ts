import type { CommandEntry } from "../command.ts";

/** All commands, in the order of the help. A new one is a file beside this one and a line here. */
export const commands: readonly CommandEntry[] = [
  {
    name: "audit",
    summary: "compare the whole journal with everything the tables say",
    load: () => import("./audit.ts"),
  },
  {
    name: "bench",
    summary: "measure grabs, taps and start on this machine",
    load: () => import("./bench.ts"),
  },
  {
    name: "check",
    summary: "read a show file and name everything wrong with it",
    load: () => import("./check.ts"),
  },
  { name: "config", summary: "explain every setting", load: () => import("./config.ts") },
  {
    name: "crowd",
    summary: "fill a rehearsal with a synthetic audience, and compare what it was told",
    load: () => import("./crowd.ts"),
  },
  { name: "doctor", summary: "check this machine and say what to do", load: () => import("./doctor.ts") },
  {
    name: "start",
    summary: "play a show: server, database, pages, all in one",
    load: () => import("./start.ts"),
  },
  {
    name: "sim",
    summary: "play seeded nights of crashes and lost appends under a virtual clock",
    load: () => import("./sim.ts"),
  },
  {
    name: "soak",
    summary: "run the tests that take hours, and write down what came of them",
    load: () => import("./soak.ts"),
  },
  {
    name: "verify",
    summary: "check a proof file, with your receipts and what you heard",
    load: () => import("./verify.ts"),
  },
  {
    name: "witness",
    summary: "hear a show's seals from outside and sign them before their seed",
    load: () => import("./witness.ts"),
  },
];
