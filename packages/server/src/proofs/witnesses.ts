import type { DrawId, Hash, Hex } from "@wanhui/core";
import type pg from "pg";
import type { ProofStory, WitnessSignature } from "./proof-story.ts";
import { isRecordSigned } from "./show-key.ts";

/** A signature of a witness was taken, or why not. `inTime`: heard before the seed was due, so it counts (PF3). */
export type WitnessAnswer =
  | { readonly ok: true; readonly inTime: boolean }
  | {
      readonly ok: false;
      readonly code: "witness.undeclared" | "witness.unknown_seal" | "witness.bad_signature";
    };

/** Signatures of declared witnesses, kept in SQL; the first of a witness over a seal stays. */
export type WitnessStore = {
  accept(story: ProofStory, signature: WitnessSignature): Promise<WitnessAnswer>;
  /** All of a draw, in the order they came. */
  of(draw: DrawId): Promise<readonly WitnessSignature[]>;
};

type Row = { name: string; public_key: Hex; seal_hash: Hash; heard_at_ms: bigint; signature: Hex };

/** Only a declared witness, only over a real seal, only with its own signature (WT1): so the table cannot be filled up. */
export function createWitnessStore(pool: Pick<pg.Pool, "query">): WitnessStore {
  return {
    async accept(story, given) {
      const { name, publicKey, sealHash, heardAtMs, signature } = given;
      const declared = story.rules.witnesses.some((one) => one.name === name && one.publicKey === publicKey);
      if (!declared) return { ok: false, code: "witness.undeclared" };
      const header = story.sealOf(sealHash);
      if (header === undefined) return { ok: false, code: "witness.unknown_seal" };
      const record = { version: "wanhui/witness/1", sealHash, heardAtMs };
      if (!isRecordSigned({ record, signature, publicKey }))
        return { ok: false, code: "witness.bad_signature" };
      await pool.query(
        `insert into witness_signatures (draw, seal_hash, public_key, name, heard_at_ms, signature)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
        [story.rules.draw, sealHash, publicKey, name, heardAtMs, signature],
      );
      return { ok: true, inTime: heardAtMs < story.seedDueMs(header) };
    },
    async of(draw) {
      const { rows } = await pool.query<Row>(
        `select name, public_key, seal_hash, heard_at_ms, signature from witness_signatures
         where draw = $1 order by received_at, public_key, seal_hash`,
        [draw],
      );
      return rows.map((row) => ({
        name: row.name,
        publicKey: row.public_key,
        sealHash: row.seal_hash,
        heardAtMs: Number(row.heard_at_ms),
        signature: row.signature,
      }));
    },
  };
}

/** How old signatures taken in by another process may be here: a file is public within a minute (PF4). */
const KEPT_MS = 5_000;

/**
 * The same store, read from memory: each draw's signatures are asked for at most once in 5 s, however many ask for its
 * file, and those accepted here are seen at once (PF7). Ask only for draws that exist: each is remembered.
 */
export function keepWitnesses(store: WitnessStore, nowMs: () => number): WitnessStore {
  type Read = { readonly atMs: number; readonly rows: Promise<readonly WitnessSignature[]> };
  const reads = new Map<DrawId, Read>();
  return {
    async accept(story, signature) {
      const answer = await store.accept(story, signature);
      if (answer.ok) reads.delete(story.rules.draw);
      return answer;
    },
    of(draw) {
      const ageMs = nowMs() - (reads.get(draw)?.atMs ?? Number.NEGATIVE_INFINITY);
      const known = ageMs >= 0 && ageMs < KEPT_MS ? reads.get(draw) : undefined;
      if (known !== undefined) return known.rows;
      const read = { atMs: nowMs(), rows: store.of(draw) };
      reads.set(draw, read);
      // What could not be read is asked for again by the next one.
      read.rows.catch(() => {
        if (reads.get(draw) === read) reads.delete(draw);
      });
      return read.rows;
    },
  };
}
