import { portableSha256, type Sha256 } from "./bytes.ts";
import type { Json } from "./canonical.ts";
import { readReceipt, receiptFault } from "./evidence.ts";

/** What a receipt says, and whether it is what it says. */
export type ReceiptCheck =
  | {
      readonly valid: true;
      readonly draw: string;
      readonly window: number;
      readonly userKey: string;
      /** When the entry was durable, by the server's clock, Unix ms. */
      readonly atMs: number;
    }
  | { readonly valid: false; readonly reason: string };

/**
 * Checks one receipt by itself (RC1): the path from the entry to the tick's root, and the show's signature of the tick.
 * Whether the entry took part in its window is for `verifyProof` with `receipts` to say (RC2).
 *
 * @param receipt parsed JSON, of any shape
 * @param options.showKey the `showKey` of the draw's published rules, 32 bytes in hex
 */
export function verifyReceipt(
  receipt: unknown,
  options: { readonly showKey: string; readonly sha256?: Sha256 },
): ReceiptCheck {
  const read = readReceipt(receipt as Json);
  if (typeof read === "string") return { valid: false, reason: read };
  const { showKey, sha256 = portableSha256 } = options;
  const reason = receiptFault({ receipt: read, showKey, sha256 });
  if (reason !== null) return { valid: false, reason };
  return { valid: true, ...read.leaf, atMs: read.tick.atMs };
}
