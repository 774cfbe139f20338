// Where things of a draw are. Draw ids hold slashes, so they travel encoded.

/** The proof file of a draw. */
export function proofUrl(draw: string): string {
  return `/api/draws/${encodeURIComponent(draw)}/proof`;
}

/** Own receipt of one window. */
export function receiptUrl(draw: string, window: number): string {
  return `/api/draws/${encodeURIComponent(draw)}/receipt?window=${window}`;
}

/** The page that checks a draw's proof. */
export function verifyPageUrl(draw: string): string {
  return `/verify?draw=${encodeURIComponent(draw)}`;
}
