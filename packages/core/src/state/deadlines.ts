// Which held award expires next: a binary heap of (deadline, award), cleaned lazily.

import type { AwardId } from "../ids.ts";
import { at } from "../invariant.ts";

export type Deadline = { readonly dueMs: number; readonly awardId: AwardId };
export type Deadlines = { readonly heap: Deadline[] };
/** True while the award still waits for exactly this deadline. */
export type IsLive = (deadline: Deadline) => boolean;

export function createDeadlines(): Deadlines {
  return { heap: [] };
}

/** Earlier first; of one moment by id, so that replay and every process agree. */
export function before(left: Deadline, right: Deadline): boolean {
  return left.dueMs < right.dueMs || (left.dueMs === right.dueMs && left.awardId < right.awardId);
}

function pushOn(heap: Deadline[], item: Deadline): void {
  let index = heap.length;
  heap.push(item);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!before(item, at(heap, parent))) break;
    heap[index] = at(heap, parent);
    index = parent;
  }
  heap[index] = item;
}

function popFrom(heap: Deadline[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    let child = index * 2 + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(at(heap, child + 1), at(heap, child))) child += 1;
    if (!before(at(heap, child), last)) break;
    heap[index] = at(heap, child);
    index = child;
  }
  heap[index] = last;
}

export function addDeadline(deadlines: Deadlines, deadline: Deadline): void {
  pushOn(deadlines.heap, deadline);
}

/** Drops dead deadlines from the top, so that the top is always the true next one. */
export function trimDeadlines(deadlines: Deadlines, isLive: IsLive): void {
  for (let top = deadlines.heap[0]; top !== undefined && !isLive(top); top = deadlines.heap[0]) {
    popFrom(deadlines.heap);
  }
}

export function nextDeadlineMs(deadlines: Deadlines): number | null {
  return deadlines.heap[0]?.dueMs ?? null;
}

/** The first `limit` live deadlines at or before `nowMs`, in order, without changing the heap. */
export function dueDeadlines(
  deadlines: Deadlines,
  input: { readonly nowMs: number; readonly limit: number; readonly isLive: IsLive },
): Deadline[] {
  const due: Deadline[] = [];
  const heap = deadlines.heap;
  // Best first: a small heap of heap positions whose parents have been visited.
  const open: (Deadline & { readonly index: number })[] = [];
  const visit = (index: number): void => {
    const item = heap[index];
    if (item !== undefined && item.dueMs <= input.nowMs) pushOn(open, { ...item, index } as Deadline);
  };
  visit(0);
  while (due.length < input.limit) {
    const top = open[0];
    if (top === undefined) break;
    popFrom(open);
    // The same award may stand twice with one deadline (moved away and back): it is due once.
    const { dueMs, awardId } = top;
    if (input.isLive(top) && due[due.length - 1]?.awardId !== awardId) due.push({ dueMs, awardId });
    visit(top.index * 2 + 1);
    visit(top.index * 2 + 2);
  }
  return due;
}
