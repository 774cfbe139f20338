import { expect, test } from "vitest";
import { natsUrlForPeople, readNatsUrl } from "./nats-address.ts";

test.each([
  ["nats://127.0.0.1:4222", { servers: ["127.0.0.1:4222"], login: null, tls: false }],
  ["nats://nats.example/", { servers: ["nats.example"], login: null, tls: false }],
  ["nats://[::1]:4222", { servers: ["[::1]:4222"], login: null, tls: false }],
  ["tls://nats.example:4222", { servers: ["nats.example:4222"], login: null, tls: true }],
  ["nats://hunter2@h:1", { servers: ["h:1"], login: { token: "hunter2" }, tls: false }],
  ["nats://a:b@h:1", { servers: ["h:1"], login: { user: "a", pass: "b" }, tls: false }],
  ["nats://a%40x:b%2Cc%2Fd@h", { servers: ["h"], login: { user: "a@x", pass: "b,c/d" }, tls: false }],
  ["nats://a:1, nats://b:2,nats://c", { servers: ["a:1", "b:2", "c"], login: null, tls: false }],
  ["nats://t@a:1,nats://t@b:2", { servers: ["a:1", "b:2"], login: { token: "t" }, tls: false }],
  // One that asks for TLS asks for all of the cluster.
  ["nats://t@a:1,tls://b:2", { servers: ["a:1", "b:2"], login: { token: "t" }, tls: true }],
])("[MP3] %s is read", (text, wanted) => {
  expect(readNatsUrl(text)).toEqual(wanted);
});

test.each([
  ["", "nothing"],
  ["127.0.0.1:4222", "no scheme"],
  ["http://h:1", "another scheme"],
  ["nats:h", "no host"],
  ["nats://h:1,", "an empty one"],
  ["nats://h:port", "no number"],
  ["nats://t@a:1,nats://u@b:2", "two logins"],
  ["nats://:secret@h:1", "a password of nobody"],
  ["nats://to%zzken@h:1", "no percent-encoding"],
  // Of these a part of the password would be taken for the host.
  ["nats://to#ken@h:1", "a hash"],
  ["nats://to/ken@h:1", "a slash"],
  ["nats://to?ken@h:1", "a question mark"],
])("[MP3] %s is refused: %s", (text) => {
  expect(readNatsUrl(text)).toBeNull();
});

test("people are shown the servers and never the login", () => {
  expect(natsUrlForPeople("nats://h:1")).toBe("nats://h:1");
  expect(natsUrlForPeople("tls://hunter2@h:1")).toBe("tls://***@h:1");
  expect(natsUrlForPeople("nats://u:hunter2@a:1, nats://u:hunter2@b:2")).toBe(
    "nats://***@a:1,nats://***@b:2",
  );
  expect(natsUrlForPeople("nats://hunter2/x@h")).toBe("(set, not shown)");
});
