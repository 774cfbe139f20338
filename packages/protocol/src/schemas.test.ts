import type { RefusalCode } from "@wanhui/core";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { z } from "zod";
import type * as words from "./mod.ts";
import { CODES, type Code, TAPS_PER_FRAME_MAX } from "./mod.ts";
import * as schemas from "./schemas.ts";

/** Optional fields aside, a schema's output and the view it stands for are one type, in both directions. */
type Same<Output, View> = [Output] extends [View] ? ([View] extends [Output] ? true : "lacks") : "differs";
const same = <_Result extends true>() => expectTypeOf<true>().toEqualTypeOf<true>();

describe("codes", () => {
  it("every refusal of the core has its entry", () => {
    expectTypeOf<Exclude<RefusalCode, Code>>().toEqualTypeOf<never>();
  });

  it("every code says a status, and when to come again exactly where that helps", () => {
    for (const [code, entry] of Object.entries(CODES)) {
      expect(entry.status, code).toBeGreaterThanOrEqual(400);
      expect(entry.status, code).toBeLessThan(600);
      expect("retryMs" in entry, code).toBe(entry.next === "retry");
      expect(entry.means, code).toMatch(/\.$/);
    }
  });
});

describe("schemas", () => {
  it("say what the views say", () => {
    same<Same<z.output<typeof schemas.problemSchema>, words.Problem>>();
    same<Same<z.output<typeof schemas.prizeSchema>, words.PrizeView>>();
    same<Same<z.output<typeof schemas.roundSchema>, words.RoundView>>();
    same<Same<z.output<typeof schemas.rainSchema>, words.RainView>>();
    same<Same<z.output<typeof schemas.cueSchema>, words.CueView>>();
    same<Same<z.output<typeof schemas.showSchema>, words.ShowView>>();
    same<Same<z.output<typeof schemas.awardSchema>, words.AwardView>>();
    same<Same<z.output<typeof schemas.orderSchema>, words.OrderView>>();
    same<Same<z.output<typeof schemas.sessionSchema>, words.SessionView>>();
    same<Same<z.output<typeof schemas.socketTicketSchema>, words.SocketTicketView>>();
    same<Same<z.output<typeof schemas.checkChallengeSchema>, words.CheckChallenge>>();
    same<Same<z.output<typeof schemas.entryPassSchema>, words.EntryPassView>>();
    same<Same<z.output<typeof schemas.receiptSchema>, words.ReceiptView>>();
    same<Same<z.output<typeof schemas.ctlMessageSchema>, words.CtlMessage>>();
    same<Same<z.output<typeof schemas.clientMessageSchema>, words.ClientMessage>>();
    same<Same<z.output<typeof schemas.studioSchema>, words.StudioView>>();
    same<Same<z.output<typeof schemas.studioAwardsSchema>, words.StudioAwardsView>>();
    same<Same<z.output<typeof schemas.staffListSchema>, words.StaffListView>>();
    same<Same<z.output<typeof schemas.addressSchema>, words.Address>>();
  });

  it("bodies refuse unknown fields by name", () => {
    const parsed = schemas.tapBodySchema.safeParse({ nonce: "00".repeat(16), taps: 1, roles: ["operator"] });
    expect(parsed.error?.issues[0]).toMatchObject({ code: "unrecognized_keys", keys: ["roles"] });
    expect(
      schemas.tapBodySchema.safeParse({ nonce: "00".repeat(16), taps: TAPS_PER_FRAME_MAX + 1 }).success,
    ).toBe(false);
  });

  it("a typed line has no line breaks and no empty words", () => {
    expect(schemas.reasonSchema.safeParse("  \n ").success).toBe(false);
    expect(schemas.reasonSchema.safeParse("a\u0000b").success).toBe(false);
    expect(schemas.reasonSchema.parse("  the host is late ")).toBe("the host is late");
  });
});
