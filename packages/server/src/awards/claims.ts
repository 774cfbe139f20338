import { createHash } from "node:crypto";
import type { Answer, AwardId } from "@wanhui/core";
import type { AwardView, Code, PrizeView } from "@wanhui/protocol";
import { CODES } from "@wanhui/protocol";
import type pg from "pg";
import {
  type AwardCommand,
  type Gate,
  type Orders,
  orderIdOf,
  type Tx,
  transaction,
  type Vault,
} from "../orders/mod.ts";
import { errorMessage, type Log } from "../platform/mod.ts";
import type { ClaimBody } from "./body.ts";
import type { ClaimTerms, CouponOf } from "./codes.ts";
import { creditCash, issueCoupons, registerRight } from "./effects.ts";
import { beginWish, finishWish, type KeptAnswer, paramsHashOf } from "./idempotency.ts";
import type { AwardRecord } from "./records.ts";

export type ClaimsDeps = {
  readonly pool: pg.Pool;
  /** Let through before the engine is asked under a row's lock; the same one as the orders'. */
  readonly gate: Gate;
  readonly submit: (command: AwardCommand) => Promise<Answer>;
  readonly orders: Pick<Orders, "place" | "announce">;
  readonly vault: Vault;
  readonly coupon: CouponOf;
  readonly terms: (pool: string) => ClaimTerms;
  readonly prize: (pool: string) => PrizeView | null;
  /** Reads on the connection given: who holds one already must not wait for another. */
  readonly find: (awardId: string, on?: Tx) => Promise<AwardRecord | null>;
  readonly view: (record: AwardRecord) => Promise<AwardView | null>;
  /** Told when an award looks different for its owner. */
  readonly touched: (awardId: string) => void;
  readonly nowMs: () => number;
  readonly log: Log;
};

/** Expected, part of the rules: a value. */
export type ClaimRefusal = {
  readonly ok: false;
  readonly code: Code;
  readonly field?: string;
  readonly rule?: string;
};
type Refused = ClaimRefusal;

export type ClaimRequest = {
  readonly userId: string;
  readonly awardId: AwardId;
  readonly key: string;
  readonly body: ClaimBody;
};

export type Claims = {
  /**
   * Turns an award into what it is worth, once. The answer is the award's view as JSON text, byte for byte the same
   * for a retry with the same key; a refusal nobody can change is kept the same way.
   */
  claim(request: ClaimRequest): Promise<({ readonly ok: true } & KeptAnswer) | Refused>;
  /**
   * Finishes claims that a crash interrupted, each by itself: one that fails is logged and tried again in the next
   * round. Each call goes on behind the last one's, so that no number of those can keep the others waiting.
   *
   * @returns how many were looked at
   */
  resume(options: { olderThanMs: number; limit: number }): Promise<number>;
};

const CLAIM_ROUTE = "POST /api/awards/:award/claim";

function claimIdOf(awardId: string, attempt: number): string {
  return createHash("sha256").update(`wanhui/claim/1|${awardId}|${attempt}`).digest("hex").slice(0, 32);
}

type ClaimRow = {
  claim_id: string;
  award_id: string;
  attempt: number;
  user_id: string;
  pool: string;
  kind: PrizeView["kind"];
  state: "intended" | "done" | "refused";
  params_hash: string;
  details: Buffer | null;
  refusal: string | null;
};

const CLAIM = "claim_id, award_id, attempt, user_id, pool, kind, state, params_hash, details, refusal";

type Step = { readonly ok: true } | Refused;

/** Before every claim there is. */
const FROM_START = { intendedAtMs: -1n, claimId: "" };

/** Makes the claims' service. It holds nothing that matters: everything is in its tables and the engine. */
export function createClaims(deps: ClaimsDeps): Claims {
  let resumedTo = FROM_START;

  /** Carries an intended claim through, whoever began it; a claim already settled says what it said (CL4). */
  async function advance(claimId: string): Promise<Step> {
    const { step, claim } = await deps.gate.run(() =>
      transaction(deps.pool, async (tx) => {
        const text = `select ${CLAIM} from claims where claim_id = $1 for update`;
        const { rows } = await tx.query<ClaimRow>(text, [claimId]);
        const claim = rows[0];
        if (claim === undefined) throw new Error("A claim vanished");
        return { claim, step: await settle(tx, claim, deps) };
      }),
    );
    if (step.ok) {
      deps.touched(claim.award_id);
      if (claim.kind === "goods")
        await deps.orders.announce(orderIdOf(claim.award_id as AwardId, claim.attempt));
    }
    return step;
  }

  async function run(request: ClaimRequest, award: AwardRecord, paramsHash: string): Promise<Step> {
    const intended = await intend({ request, award, paramsHash, deps });
    return typeof intended === "string" ? advance(intended) : intended;
  }

  return {
    async claim(request) {
      const award = await deps.find(request.awardId);
      if (award === null || award.userId !== request.userId) return { ok: false, code: "claim.not_yours" };
      const prize = deps.prize(award.pool);
      if (prize === null) return { ok: false, code: "claim.not_yours" };
      if (prize.kind !== request.body.kind) return { ok: false, code: "claim.wrong_kind", field: "kind" };
      const paramsHash = paramsHashOf({ award: request.awardId, body: request.body }, deps.vault);
      const wish = { userId: request.userId, route: CLAIM_ROUTE, key: request.key, paramsHash };
      const begun = await beginWish(deps.pool, wish, deps.nowMs());
      if (begun.type === "conflict") return { ok: false, code: "idempotency.conflict" };
      if (begun.type === "replay") return kept(begun.answer);
      const step = await run(request, award, paramsHash);
      if (!step.ok) {
        // Only what nobody can change is an answer for ever; everything else may be asked again with the same key.
        if (CODES[step.code].next !== "stop") return step;
        return kept(
          await finishWish(deps.pool, wish, { status: CODES[step.code].status, body: refusalText(step) }),
        );
      }
      const now = await deps.find(request.awardId);
      const view = now === null ? null : await deps.view(now);
      if (view === null) throw new Error("A claimed award vanished");
      return kept(await finishWish(deps.pool, wish, { status: 200, body: JSON.stringify(view) }));
    },

    async resume({ olderThanMs, limit }) {
      const { rows } = await deps.pool.query<{ claim_id: string; intended_at_ms: bigint }>(
        `select claim_id, intended_at_ms from claims
         where state = 'intended' and intended_at_ms <= $1 and (intended_at_ms, claim_id) > ($2, $3)
         order by intended_at_ms, claim_id limit $4`,
        [deps.nowMs() - olderThanMs, resumedTo.intendedAtMs, resumedTo.claimId, limit],
      );
      const last = rows.length < limit ? undefined : rows.at(-1);
      resumedTo =
        last === undefined ? FROM_START : { intendedAtMs: last.intended_at_ms, claimId: last.claim_id };
      for (const { claim_id: claim } of rows) {
        await advance(claim).catch((error: unknown) =>
          deps.log.warn(
            { part: "awards", claim, why: errorMessage(error) },
            "A claim could not be finished; it is tried again",
          ),
        );
      }
      return rows.length;
    },
  };
}

function refusalText(refused: Refused): string {
  return JSON.stringify(refused);
}

/** A kept answer as it goes out: 200 with its bytes, or the refusal it was. */
function kept(answer: KeptAnswer): ({ ok: true } & KeptAnswer) | Refused {
  return answer.status === 200 ? { ok: true, ...answer } : (JSON.parse(answer.body) as Refused);
}

type LastClaim = ClaimRow & { order_state: "placed" | "paid" | "expired" | null };

/**
 * Writes the intention, or finds the one there is. From here on a crash anywhere ends in the claim done or refused,
 * never in between.
 *
 * @returns the claim to carry through, or what is already known of it
 */
async function intend(parts: {
  request: ClaimRequest;
  award: AwardRecord;
  paramsHash: string;
  deps: ClaimsDeps;
}): Promise<string | Step> {
  const { request, award, paramsHash, deps } = parts;
  return transaction(deps.pool, async (tx) => {
    // One claimant of an award at a time: of twenty at once the first writes, the others find it.
    await tx.query("select pg_advisory_xact_lock(hashtextextended('wanhui/claim/' || $1, 0))", [
      award.awardId,
    ]);
    const { rows } = await tx.query<LastClaim>(
      `select c.claim_id, c.award_id, c.attempt, c.user_id, c.pool, c.kind, c.state, c.params_hash, null as details,
         c.refusal, o.state as order_state
       from claims c left join orders o on o.award_id = c.award_id and o.attempt = c.attempt
       where c.award_id = $1 order by c.attempt desc limit 1`,
      [award.awardId],
    );
    const last = rows[0];
    const same = last?.params_hash === paramsHash;
    if (last?.state === "intended")
      return same ? last.claim_id : { ok: false, code: "award.committed_elsewhere" };
    if (last?.state === "done" && last.order_state !== "expired") {
      // Done is done. Asked again with the same, it says so; with another address there is an order already.
      return same || last.kind !== "goods" ? { ok: true } : { ok: false, code: "award.committed_elsewhere" };
    }
    const closed = closedFor(award);
    if (closed !== null) return closed;
    const attempt = (last?.attempt ?? 0) + 1;
    const claimId = claimIdOf(award.awardId, attempt);
    await tx.query(
      `insert into claims (claim_id, award_id, attempt, user_id, pool, kind, state, params_hash, details, intended_at_ms)
       values ($1, $2, $3, $4, $5, $6, 'intended', $7, $8, $9)`,
      [
        claimId,
        award.awardId,
        attempt,
        award.userId,
        award.pool,
        request.body.kind,
        paramsHash,
        deps.vault.seal(request.body, `claim/${claimId}`),
        deps.nowMs(),
      ],
    );
    return claimId;
  });
}

/** What is known to be over needs no intention; the engine has the last word on everything else. */
function closedFor(award: AwardRecord): Refused | null {
  if (award.state === "expired") return { ok: false, code: "claim.expired" };
  if (award.state === "forfeited") return { ok: false, code: "award.wrong_state" };
  return null;
}

/** Asks the engine under the claim's lock, then writes what it means in the same transaction. */
async function settle(tx: Tx, claim: ClaimRow, deps: ClaimsDeps): Promise<Step> {
  if (claim.state === "done") return { ok: true };
  if (claim.state === "refused") return { ok: false, code: claim.refusal as Code };
  const awardId = claim.award_id as AwardId;
  const orderId = orderIdOf(awardId, claim.attempt);
  const answer = await deps.submit(
    claim.kind === "goods"
      ? { type: "award.commit", awardId, orderId }
      : { type: "award.post", awardId, orderId: null },
  );
  const end = (state: "done" | "refused", refusal: string | null) =>
    tx.query(
      "update claims set state = $2, refusal = $3, settled_at_ms = $4, details = null where claim_id = $1",
      [claim.claim_id, state, refusal, deps.nowMs()],
    );
  if (!answer.ok) {
    const code = answer.detail?.state === "expired" ? "claim.expired" : answer.code;
    await end("refused", code);
    return { ok: false, code };
  }
  await makeEffect(tx, claim, deps);
  await end("done", null);
  return { ok: true };
}

/** The award is committed or posted for good: what the claim is for comes to be, in the claim's transaction. */
async function makeEffect(tx: Tx, claim: ClaimRow, deps: ClaimsDeps): Promise<void> {
  const awardId = claim.award_id as AwardId;
  const record = await deps.find(awardId, tx);
  const prize = deps.prize(claim.pool);
  if (record === null || prize === null || claim.details === null)
    throw new Error("A claimed award vanished");
  const body = deps.vault.open(claim.details, `claim/${claim.claim_id}`) as ClaimBody;
  const nowMs = deps.nowMs();
  if (body.kind === "goods") {
    const { attempt, user_id: userId, pool } = claim;
    const order = { orderId: orderIdOf(awardId, attempt), awardId, attempt, userId, pool };
    const { payTtlMs } = deps.terms(pool);
    await deps.orders.place(tx, {
      ...order,
      payTtlMs,
      title: prize.title,
      amount: prize.price,
      address: body.address,
    });
  } else if (body.kind === "coupon")
    await issueCoupons(tx, [{ record, prize }], { coupon: deps.coupon, nowMs });
  else if (body.kind === "cash") await creditCash(tx, [{ record, prize }], nowMs);
  else await registerRight(tx, record, body, { vault: deps.vault, nowMs });
}
