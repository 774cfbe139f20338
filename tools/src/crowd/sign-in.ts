import type { SessionView } from "@wanhui/protocol";
import type { Cast } from "./audience.ts";
import { ask, pause } from "./http.ts";
import type { Stage } from "./stage.ts";

export type SignedIn = { readonly user: string; readonly token: string };

/** Tries to sign in before a person gives up for now: a server that is starting again takes some seconds. */
const TRIES_MAX = 30;
const AGAIN_MS = 1_000;

/**
 * Signs a synthetic person in by the rehearsal's grant, with its stated device and address (CR1, CR2).
 *
 * @throws Error naming the refusal, when it is one that asking again does not mend
 */
export async function signIn(stage: Stage, cast: Cast): Promise<SignedIn> {
  const { person, device, address } = cast;
  for (let tries = 1; ; tries += 1) {
    const answer = await ask<SessionView>({
      url: `${stage.baseUrl}/api/session`,
      method: "POST",
      body: { synthetic: { person, device, address } },
      headers: { "x-wanhui-rehearsal": stage.grant },
    });
    if (answer.ok) {
      if (answer.value.token === undefined || !answer.value.synthetic) {
        throw new Error("The server did not sign a synthetic person in");
      }
      return { user: answer.value.user, token: answer.value.token };
    }
    const mayPass = answer.code === "offline" || answer.retryMs !== null;
    if (!mayPass || tries >= TRIES_MAX) throw new Error(`Nobody could be signed in: ${answer.code}`);
    await pause(answer.retryMs ?? AGAIN_MS, stage.goingHome);
  }
}

export function bearer(signedIn: SignedIn): Record<string, string> {
  return { authorization: `Bearer ${signedIn.token}` };
}
