import { expect, test } from "vitest";
import { runServices, type Service } from "./service.ts";

function service(name: string, said: string[], failAfter?: Promise<void>): Service {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return {
    name,
    async run(signal) {
      signal.addEventListener("abort", () => end(), { once: true });
      if (failAfter !== undefined) {
        await failAfter;
        throw new Error(`${name} broke`);
      }
      await ended;
    },
    async stop() {
      said.push(name);
    },
  };
}

test("an aborted signal stops all, the last started first", async () => {
  const said: string[] = [];
  const abort = new AbortController();
  const running = runServices([service("a", said), service("b", said)], abort.signal);
  abort.abort();
  await running;
  expect(said).toEqual(["b", "a"]);
});

test("one that breaks stops the others, and its error comes out", async () => {
  const said: string[] = [];
  const services = [service("a", said), service("b", said, Promise.resolve())];
  await expect(runServices(services, new AbortController().signal)).rejects.toThrow("b broke");
  expect(said).toEqual(["b", "a"]);
});
