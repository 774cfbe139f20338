import type { NetworkInterfaceInfo } from "node:os";
import type { Run, ShowDefinition } from "@wanhui/server";
import { describe, expect, test } from "vitest";
import { type WelcomeFacts, welcomeOf } from "./welcome.ts";

const address = (text: string, more: Partial<NetworkInterfaceInfo> = {}): NetworkInterfaceInfo =>
  ({ address: text, family: "IPv4", internal: false, netmask: "", mac: "", cidr: null, ...more }) as never;
const interfaces = {
  lo: [address("127.0.0.1", { internal: true })],
  eth0: [address("192.168.1.20"), address("fe80::1", { family: "IPv6" })],
  wlan0: [address("10.0.0.7")],
};
const beganMs = Date.UTC(2027, 0, 14, 12);
const HOUR_MS = 3_600_000;

function facts(changes: {
  host?: string;
  publicUrl?: string;
  url?: string;
  nowMs?: number;
  rehearsal?: boolean;
  startsAtMs?: number | null;
}): WelcomeFacts {
  const { url = "http://localhost:8080", host = "0.0.0.0", publicUrl, startsAtMs = null } = changes;
  const definition = { title: { zh: "晚会", en: "Gala" }, lengthMs: HOUR_MS, startsAtMs };
  const run: Run = {
    run: "gala-1",
    show: "gala",
    number: 1,
    rehearsal: changes.rehearsal ?? false,
    startedAtMs: beganMs,
    definition: definition as ShowDefinition,
    definitionHash: "" as Run["definitionHash"],
  };
  return {
    night: { run, url, operatorUrl: `${url}/operator/x`, continued: true },
    config: { host, publicUrl },
    interfaces,
    nowMs: changes.nowMs ?? beganMs + 1,
  };
}
const textOf = (changes: Parameters<typeof facts>[0]) => welcomeOf(facts(changes)).lines.join("\n");

describe("addresses", () => {
  test("a server that listens everywhere names how other machines reach it, and phones photograph that", () => {
    for (const host of ["0.0.0.0", "::"]) {
      const { lines, qrUrl } = welcomeOf(facts({ host, url: "https://localhost:8443" }));
      expect(lines.join("\n")).toContain("https://192.168.1.20:8443/");
      expect(lines.join("\n")).toContain("https://10.0.0.7:8443/");
      expect(lines.join("\n")).not.toContain("fe80");
      expect(qrUrl).toBe("https://192.168.1.20:8443/");
    }
    expect(textOf({})).toContain("add --tls to shake");
  });

  test("one that listens on this machine alone names no other address, offers no code, and says why", () => {
    for (const host of ["127.0.0.1", "127.0.0.2", "localhost", "::1"]) {
      for (const url of ["http://localhost:8080", "https://localhost:8080"]) {
        const { lines, qrUrl } = welcomeOf(facts({ host, url }));
        const text = lines.join("\n");
        expect(text).not.toContain("192.168.1.20");
        expect(text).not.toContain("10.0.0.7");
        expect(text).toContain(`Only this machine gets in (HOST is ${host})`);
        expect(text).not.toContain("--tls");
        expect(qrUrl).toBeNull();
      }
    }
  });

  test("one that listens on one address, or stands behind a proxy, names that one alone", () => {
    const one = welcomeOf(facts({ host: "10.0.0.7", url: "https://10.0.0.7:8080" }));
    expect(one.lines.join("\n")).not.toContain("192.168.1.20");
    expect(one.qrUrl).toBe("https://10.0.0.7:8080/");
    const publicUrl = "https://gala.example";
    for (const host of ["0.0.0.0", "127.0.0.1"]) {
      const proxied = welcomeOf(facts({ host, publicUrl, url: publicUrl }));
      expect(proxied.lines.join("\n")).not.toMatch(/192\.168|Only this machine/);
      expect(proxied.qrUrl).toBe("https://gala.example/");
    }
  });
});

describe("a night that is over", () => {
  test("the second day's start says that it ended, and how to begin a new one", () => {
    const text = textOf({ nowMs: beganMs + 24 * HOUR_MS });
    expect(text).toContain(`This show ended ${new Date(beganMs + HOUR_MS).toLocaleString()}`);
    expect(text).toContain("npm start -- --fresh");
    expect(textOf({ nowMs: beganMs + HOUR_MS })).toContain("--fresh");
    expect(textOf({ nowMs: beganMs + HOUR_MS - 1 })).not.toMatch(/ended|--fresh/);
  });

  test("a show that names its own start is not begun again by --fresh; its rehearsal is", () => {
    const later = { nowMs: beganMs + 24 * HOUR_MS, startsAtMs: beganMs };
    expect(textOf(later)).toContain("names its own start");
    expect(textOf(later)).not.toContain("--fresh");
    expect(textOf({ ...later, rehearsal: true })).toContain("npm start -- --rehearsal --fresh");
  });
});
