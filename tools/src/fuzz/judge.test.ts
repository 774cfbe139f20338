import { expect, test } from "vitest";
import { faultOfAnswer, faultOfHealth, faultOfText } from "./judge.ts";

const asked = { method: "POST", wild: false, upgrade: false };
const answer = (status: number, code: string) => ({
  status,
  headers: { "content-type": "application/problem+json" },
  body: JSON.stringify({ code, status }),
});

test.each(["engine.busy", "engine.unknown", "engine.fenced"])("[FZ3] %s passes by itself", (code) => {
  expect(faultOfAnswer(answer(503, code), asked)).toBeNull();
  expect(faultOfText(JSON.stringify({ t: "no", code }))).toBeNull();
});

test.each(["engine.stopped", "engine.broken"])("[FZ3] %s while the night runs is a fault", (code) => {
  for (const status of [500, 503]) {
    expect(faultOfAnswer(answer(status, code), asked)).toMatch(/^a shard that stopped: /);
  }
  for (const t of ["no", "error"]) {
    expect(faultOfText(JSON.stringify({ t, code }))).toMatch(/^a shard that stopped: /);
  }
});

test("[FZ4] the server is well when it says 200 and every part runs", () => {
  const said = (status: number, parts: object) => faultOfHealth({ status, body: JSON.stringify({ parts }) });
  expect(said(200, { engine: "running", beacon: "running" })).toBeNull();
  expect(said(503, { engine: "shard 1 stopped", beacon: "running" })).toContain("shard 1 stopped");
  expect(said(200, { engine: "running", beacon: "waits" })).toContain("waits");
  expect(said(200, {})).not.toBeNull();
  expect(faultOfHealth({ status: 502, body: "<html>" })).toContain("502");
});
