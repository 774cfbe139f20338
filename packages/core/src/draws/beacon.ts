import type { Context } from "../commands.ts";
import type { BeaconChain } from "../events.ts";

/**
 * The newest round seen of one chain. Rounds of different chains say nothing about each other, so a process that
 * follows several gives `newestRoundSeenOf`.
 */
export function newestRoundOf(context: Context, chain: Pick<BeaconChain, "chainHash">): number {
  return context.newestRoundSeenOf?.(chain.chainHash) ?? context.newestRoundSeen;
}
