import type { DrawId, UserId } from "@wanhui/core";
import { expect, it } from "vitest";
import { createLimits, createPeople, makeRehearsalGrant, type People, secretFromHex } from "./mod.ts";

const secret = secretFromHex("5c".repeat(32), "test");
const nowMs = () => 1_000;
const unused = () => Promise.reject(new Error("not in this test"));

/** One data folder's people, as the process sees them that plays `rehearsalRun`, or a real show (null). */
function peopleOf(rehearsalRun: string | null): People {
  return createPeople({
    secret,
    nowMs,
    staff: {
      roleOf: async () => null,
      createLink: unused,
      useLink: unused,
      revoke: unused,
      list: unused,
    },
    limits: createLimits({ nowMs }),
    platform: null,
    rehearsalRun: () => rehearsalRun,
    drawIds: () => [],
  });
}

const bearer = (token: string) => ({
  authorization: `Bearer ${token}`,
  userCookie: undefined,
  staffCookie: undefined,
  deviceCookie: undefined,
  ip: "192.0.2.1",
});

it("[PE9] a synthetic person and his ticket count in their own rehearsal alone", async () => {
  const first = peopleOf("gala-1");
  const grant = makeRehearsalGrant(secret, { run: "gala-1", expiresAtMs: 60_000 });
  const made = first.synthetic(grant, { person: "p", device: "d", address: "a" });
  if (typeof made === "string") throw new Error(made);
  const token = first.signUser(made);
  const session = await first.identify(bearer(token));
  if (session === null || typeof session === "string") throw new Error("nobody");
  expect(session).toMatchObject({ synthetic: true, run: "gala-1" });
  const { ticket } = first.socketTicket(session);
  expect(first.checkTicket(ticket)).toEqual(session);
  for (const other of [peopleOf("gala-2"), peopleOf(null)]) {
    expect(await other.identify(bearer(token))).toBe("expired");
    expect(other.checkTicket(ticket)).toBeNull();
  }
});

it("[PE9] a guest belongs to no rehearsal and stays who he is", async () => {
  const token = peopleOf("gala-1").signUser(peopleOf("gala-1").guest("ab".repeat(16), null));
  const real = peopleOf(null);
  const session = await real.identify(bearer(token));
  if (session === null || typeof session === "string") throw new Error("nobody");
  expect(session).toMatchObject({ synthetic: false, run: null });
  expect(peopleOf("gala-2").checkTicket(real.socketTicket(session).ticket)).toEqual(session);
});

it("[PE11] [BY3] staff know a winner by his pseudonym in the draw; a grab of the same name is another", () => {
  const { pseudonyms } = peopleOf(null);
  const userId = "01".repeat(16) as UserId;
  const draw = "gala-1/car" as DrawId;
  const won = { draw, pool: "gala-1/tea", userId };
  expect(pseudonyms.winner(won)).toBe(pseudonyms.of(draw, userId).toString("hex"));
  expect(pseudonyms.winner(won)).toMatch(/^[0-9a-f]{32}$/);
  const grabbed = { draw: null, pool: draw, userId };
  expect(pseudonyms.winner(grabbed)).not.toBe(pseudonyms.winner(won));
  expect(pseudonyms.winner(grabbed)).toBe(pseudonyms.winner(grabbed));
  expect(pseudonyms.winner({ ...grabbed, userId: "02".repeat(16) })).not.toBe(pseudonyms.winner(grabbed));
});
