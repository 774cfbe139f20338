import type { StudioPoolView } from "@wanhui/protocol";
import { useDesk } from "./context.tsx";

/** What every unit of a pool is, in the order of the bar. */
export const POOL_PARTS = ["free", "held", "posted", "withdrawn"] as const;
export type PoolPart = (typeof POOL_PARTS)[number];

/** Parts of a bar 100 wide, side by side; empty ones are left out. */
export function barParts(
  pool: Pick<StudioPoolView, PoolPart | "units">,
): readonly { readonly part: PoolPart; readonly from: number; readonly width: number }[] {
  let from = 0;
  return POOL_PARTS.flatMap((part) => {
    const width = pool.units === 0 ? 0 : (pool[part] / pool.units) * 100;
    if (width === 0) return [];
    from += width;
    return [{ part, from: from - width, width }];
  });
}

/** Where a pool's units are, as one bar; its numbers stand below it in words. */
export function PoolBar({ pool, title }: { readonly pool: StudioPoolView; readonly title: string }) {
  const { words, format } = useDesk();
  const { part: say, parts } = words.pools;
  const label = format.list(POOL_PARTS.map((part) => say(parts[part], pool[part])));
  return (
    <svg
      className="pool-bar"
      viewBox="0 0 100 10"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${title}: ${label}`}
    >
      {barParts(pool).map(({ part, from, width }) => (
        <rect key={part} className={`part-${part}`} x={from} width={width} height="10" />
      ))}
    </svg>
  );
}
