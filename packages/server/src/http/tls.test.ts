import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { get } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLog } from "../platform/mod.ts";
import { createApp, loadTls, qrCodeOf } from "./mod.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wanhui-tls-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("TLS", () => {
  it("makes a certificate for this machine once, keeps it to itself, and serves with it", async () => {
    const made = await loadTls({ dataFolder: folder });
    expect(made.generated).toBe(true);
    expect((await stat(join(folder, "tls/key.pem"))).mode & 0o777).toBe(0o600);
    expect(await loadTls({ dataFolder: folder })).toEqual(made);
    const app = await createApp({ log: silentLog(), version: "0.0.0", tls: made });
    await app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = app.server.address() as AddressInfo;
    const answer = await new Promise<{ status: number | undefined; headers: Record<string, unknown> }>(
      (resolve, reject) => {
        get({ host: "127.0.0.1", port, path: "/health", ca: made.cert, agent: false }, (response) => {
          response.resume();
          resolve({ status: response.statusCode, headers: response.headers });
        }).on("error", reject);
      },
    );
    expect(answer.status).toBe(200);
    expect(answer.headers["strict-transport-security"]).toBeDefined();
    await app.close();
  });

  it("is made anew near its end, and when it is broken", async () => {
    const made = await loadTls({ dataFolder: folder });
    const later = await loadTls({ dataFolder: folder, nowMs: () => Date.now() + 395 * 24 * 3_600_000 });
    expect(later.cert).not.toBe(made.cert);
    await writeFile(join(folder, "tls/cert.pem"), "nonsense");
    expect((await loadTls({ dataFolder: folder })).cert).toContain("BEGIN CERTIFICATE");
  });

  it("names the files when the operator's own cannot be used", async () => {
    const keyFile = join(folder, "own.key");
    await writeFile(keyFile, "nonsense");
    const own = { dataFolder: folder, certFile: keyFile, keyFile };
    await expect(loadTls(own)).rejects.toMatchObject({
      code: "tls.unreadable",
      message: expect.stringContaining(keyFile),
    });
  });

  it("draws the address for a phone's camera", async () => {
    const code = await qrCodeOf("https://192.0.2.7:8443/");
    expect(code.split("\n").length).toBeGreaterThan(10);
    expect(code).toMatch(/[▀▄█]/);
  });
});
