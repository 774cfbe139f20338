import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DrawId, DrawRules, Event } from "@wanhui/core";
import { type ProofHead, ProofStory, type WitnessSignature } from "./proof-story.ts";
import type { ShowSigner } from "./show-key.ts";

/**
 * Writes the whole proof of one draw from its shard's events, as far as they go (PF2, PF4): for tools and tests. A running
 * server keeps its files growing with `createProofArchive` instead.
 *
 * @param options.events the shard's events in journal order; forfeits are among them
 * @param options.out called with each line in order; awaited
 * @returns false when the draw was never armed and nothing was written
 */
export async function writeProof(options: {
  readonly draw: DrawId;
  readonly events: AsyncIterable<Event> | Iterable<Event>;
  readonly signer: ShowSigner;
  readonly head: ProofHead;
  readonly witnesses: readonly WitnessSignature[];
  /** Whether a chain is a known public one (PF3). */
  readonly isPublicChain: (chainHash: string) => boolean;
  readonly madeMs: number;
  readonly out: (bytes: Buffer) => void | Promise<void>;
}): Promise<boolean> {
  const { draw, signer, head, witnesses, madeMs, out, isPublicChain } = options;
  const spillFolder = await mkdtemp(join(tmpdir(), "wanhui-proof-"));
  let rules: DrawRules | undefined;
  let story: ProofStory | undefined;
  try {
    for await (const event of options.events) {
      if (event.type === "draw.planned" && event.rules.draw === draw) rules = event.rules;
      if (event.type === "draw.armed" && event.record.draw === draw && rules !== undefined) {
        const level = isPublicChain(event.record.beacon.chainHash) ? "beacon" : "dev";
        story = new ProofStory({ draw, rules, head, signer, level, spillFolder });
      }
      if (story === undefined) continue;
      story.take(event);
      if (story.full) await story.spill();
      for (let stretch = story.next(); stretch !== undefined; stretch = story.next()) {
        for (const line of stretch.lines) await out(line);
        stretch.written();
      }
    }
    if (story === undefined) return false;
    await out(story.tail({ witnesses, madeMs }));
    return true;
  } finally {
    await rm(spillFolder, { recursive: true, force: true });
  }
}
