/**
 * The bytes of a `File` or `Blob`, chunk by chunk, for `verifyProof`. Safari has no async iteration over streams, so the
 * reader is pulled by hand.
 */
export async function* streamOf(blob: Blob): AsyncGenerator<Uint8Array, void> {
  const reader = blob.stream().getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
