/** Rounds of each fault in one night; more of them are more nights, because a show ends. */
const PER_NIGHT = 10;

/** How often each fault is to happen: ten times in a build, as often as the variable says in a soak. */
export function soakRounds(variable: string): {
  readonly rounds: number;
  readonly nights: readonly number[];
} {
  const all = Number(process.env[variable] ?? PER_NIGHT);
  const rounds = Math.min(all, PER_NIGHT);
  return { rounds, nights: Array.from({ length: Math.ceil(all / rounds) }, (_, n) => n + 1) };
}
