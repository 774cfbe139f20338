import { connect, type SocketConstructor } from "@wanhui/client";
import { WebSocket } from "ws";
import { type Heard, Witness, type WitnessParts } from "./witness.ts";

/**
 * Sits in a room as a guest and witnesses its seals until the signal aborts (WT1).
 *
 * @param options.say called with what became of each record, and with trouble in words
 */
export async function attend(
  options: WitnessParts & { readonly signal: AbortSignal; readonly say: (heard: Heard | string) => void },
): Promise<void> {
  const { baseUrl, signal, say } = options;
  const witness = await Witness.open(options);
  const client = connect({ baseUrl, WebSocket: WebSocket as unknown as SocketConstructor, bearer: true });
  const trouble = (error: unknown) => say(error instanceof Error ? error.message : String(error));
  client.on("status", (status) => say(`room: ${status.state}`));
  client.on("ctl", (message) => {
    if (message.t === "round" && message.round.armHash !== null)
      witness.prepare(message.round.draw).catch(trouble);
    witness.hear(message).then((heard) => heard !== null && say(heard), trouble);
  });
  client.on("show", (show) => {
    for (const round of show.rounds) {
      if (round.armHash !== null && round.phase !== "closed") witness.prepare(round.draw).catch(trouble);
    }
  });
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  client.stop();
}
