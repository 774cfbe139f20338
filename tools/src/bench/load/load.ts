import { fork } from "../own-child.ts";
import type { LoadAnswer, LoadOrder } from "./load-child.ts";

/** The load generator in its own process. */
export type Load = {
  /** @throws Error what the generator says went wrong */
  tell(order: LoadOrder): Promise<LoadAnswer>;
  stop(): Promise<void>;
};

/** Starts a load generator. */
export function startLoad(): Load {
  const child = fork(new URL("./load-child", import.meta.url));
  return {
    async tell(order) {
      const answer = (await child.ask(order)) as LoadAnswer;
      if (answer.error !== undefined) throw new Error(`The load generator: ${answer.error}`);
      return answer;
    },
    stop: () => child.stop(),
  };
}
