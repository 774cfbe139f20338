// PBKDF2 with HMAC-SHA-256 for pages that are not secure: browsers keep `crypto.subtle` to https and localhost, and
// show nights are watched on plain addresses of a local network, too. One block of output, which is all we need.
// Sources: FIPS 180-4, RFC 2104, RFC 8018; checked against WebCrypto in solve.test.ts.

const BLOCK_BYTES = 64;
const BLOCK_WORDS = 16;
const HASH_WORDS = 8;
const ROUNDS = 64;

/** Constants of SHA-256: fractions of the roots of the first primes, worked out instead of copied. */
const { FIRST, ROUND } = constants();

function constants() {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < ROUNDS; candidate += 1) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  const fraction = (root: number) => ((root - Math.floor(root)) * 2 ** 32) | 0;
  return {
    FIRST: Int32Array.from(primes.slice(0, HASH_WORDS), (prime) => fraction(Math.sqrt(prime))),
    ROUND: Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime))),
  };
}

const schedule = new Int32Array(ROUNDS);

/** Takes one block of 16 words into a state of 8. */
function compress(state: Int32Array, block: Int32Array): void {
  const w = schedule;
  w.set(block);
  for (let t = BLOCK_WORDS; t < ROUNDS; t += 1) {
    const x = w[t - 15] as number;
    const y = w[t - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = ((w[t - 16] as number) + s0 + (w[t - 7] as number) + s1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  for (let t = 0; t < ROUNDS; t += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (ROUND[t] as number) + (w[t] as number)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  const after = [a, b, c, d, e, f, g, h];
  for (let n = 0; n < HASH_WORDS; n += 1) state[n] = ((state[n] as number) + (after[n] as number)) | 0;
}

/** Words of up to 55 bytes behind one block that went before, with SHA-256's padding. */
function lastBlock(bytes: Uint8Array): Int32Array {
  const padded = new Uint8Array(BLOCK_BYTES);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(BLOCK_BYTES - 4, (BLOCK_BYTES + bytes.length) * 8);
  return Int32Array.from({ length: BLOCK_WORDS }, (_, n) => view.getInt32(n * 4));
}

/** The state after the key's block: inner and outer differ in the byte it is mixed with. */
function keyed(password: Uint8Array, mix: number): Int32Array {
  const padded = new Uint8Array(BLOCK_BYTES).fill(mix);
  for (const [n, byte] of password.entries()) padded[n] = byte ^ mix;
  const view = new DataView(padded.buffer);
  const state = Int32Array.from(FIRST);
  compress(
    state,
    Int32Array.from({ length: BLOCK_WORDS }, (_, n) => view.getInt32(n * 4)),
  );
  return state;
}

/**
 * The first 32 bytes of PBKDF2-HMAC-SHA-256.
 *
 * @param password at most 64 bytes
 * @param salt at most 51 bytes
 */
export function pbkdf2(password: Uint8Array, salt: Uint8Array, iterations: number): Uint8Array {
  const inner = keyed(password, 0x36);
  const outer = keyed(password, 0x5c);
  // What follows a hash of 32 bytes in its block is always the same.
  const block = lastBlock(new Uint8Array(HASH_WORDS * 4));
  const state = new Int32Array(HASH_WORDS);
  const finish = () => {
    block.set(state);
    state.set(outer);
    compress(state, block);
  };
  state.set(inner);
  compress(state, lastBlock(Uint8Array.from([...salt, 0, 0, 0, 1])));
  finish();
  const sum = Int32Array.from(state);
  for (let n = 1; n < iterations; n += 1) {
    block.set(state);
    state.set(inner);
    compress(state, block);
    finish();
    for (let word = 0; word < HASH_WORDS; word += 1)
      sum[word] = (sum[word] as number) ^ (state[word] as number);
  }
  const bytes = new Uint8Array(HASH_WORDS * 4);
  const view = new DataView(bytes.buffer);
  for (const [n, word] of sum.entries()) view.setInt32(n * 4, word);
  return bytes;
}
