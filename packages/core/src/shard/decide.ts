import type { Answer, Command, Context } from "../commands.ts";
import { decideDrawEnter } from "../draws/enter.ts";
import { decideDrawArm, decideDrawCancel, decideDrawPlan } from "../draws/plan.ts";
import { decideDrawReveal, decideDrawStop } from "../draws/reveal.ts";
import type { Event } from "../events.ts";
import { assert } from "../invariant.ts";
import { decideAward } from "../pools/claim.ts";
import { decideGrabOpen, decideGrabTake } from "../pools/grab.ts";
import { decidePoolChange, decidePoolCreate } from "../pools/stock.ts";
import type { Push } from "../state/answers.ts";
import type { ShardState } from "../state/shard-state.ts";
import { apply } from "./apply.ts";
import { decideTick } from "./tick.ts";

/** What a command leads to. A refusal has no events. */
export type Decision = { readonly events: readonly Event[]; readonly answer: Answer };

/**
 * Decides a command against a shard's state without changing it: the same state, command and context always give
 * the same events and answer. Apply the events in order to get the state the next command meets.
 * Throws InvariantError for a bug (time going back, a malformed id that no door should have let in).
 */
export function decide(state: ShardState, command: Command, context: Context): Decision {
  const events: Event[] = [];
  const answer = dispatch(state, command, context, (event) => {
    events.push(event);
  });
  return { events, answer };
}

/**
 * The same as decide() followed by apply() of every event, each handed to `emit` once it is applied. The hot
 * commands (`draw.enter`, `grab.take`) make at most one event and go through without a list.
 */
export function decideAndApply(
  state: ShardState,
  command: Command,
  context: Context,
  emit: (event: Event) => void,
): Answer {
  const push: Push = (event) => {
    apply(state, event);
    emit(event);
  };
  if (command.type === "draw.enter" || command.type === "grab.take") {
    return dispatch(state, command, context, push);
  }
  const { events, answer } = decide(state, command, context);
  for (const event of events) push(event);
  return answer;
}

function dispatch(state: ShardState, command: Command, context: Context, push: Push): Answer {
  assert(
    Number.isSafeInteger(context.nowMs) && context.nowMs >= state.lastAtMs,
    "JR10: shard time",
    context.nowMs,
  );
  switch (command.type) {
    case "draw.enter":
      return decideDrawEnter(state, command, context, push);
    case "grab.take":
      return decideGrabTake(state, command, context, push);
    case "award.commit":
    case "award.release":
    case "award.post":
    case "award.forfeit":
    case "award.extend":
      return decideAward(state, command, context, push);
    case "pool.create":
      return decidePoolCreate(state, command, context, push);
    case "pool.change":
      return decidePoolChange(state, command, context, push);
    case "grab.open":
      return decideGrabOpen(state, command, context, push);
    case "draw.plan":
      return decideDrawPlan(state, command, context, push);
    case "draw.arm":
      return decideDrawArm(state, command, context, push);
    case "draw.cancel":
      return decideDrawCancel(state, command, context, push);
    case "draw.stop":
      return decideDrawStop(state, command, context, push);
    case "draw.reveal":
      return decideDrawReveal(state, command, context, push);
    case "tick":
      return decideTick(state, command, context, push);
  }
}
