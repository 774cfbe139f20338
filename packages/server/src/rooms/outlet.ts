/** Where a room's bytes leave: a socket to the gateway, an array to a test. The room knows no more of it. */
export type Outlet = {
  /** Takes bytes that are one whole frame; the buffer is shared with every other outlet and never changed. */
  write(frame: Buffer): void;
  /** Bytes taken and not yet sent. */
  bufferedBytes(): number;
  /** Ends it with one of `CLOSE_CODES`; what was written before still leaves if the other side reads. */
  close(code: number): void;
};

/** Turns one JSON text into one frame of the transport. */
export type Framer = (json: string) => Buffer;

/** Time and timers as rooms use them, so that tests need no real ones. */
export type RoomClock = {
  nowMs(): number;
  /** Runs once after `delayMs`; the answer cancels it. */
  after(delayMs: number, run: () => void): () => void;
  /** Runs after the present turn of the event loop. */
  soon(run: () => void): void;
};

/** The process's own time and timers. `nowMs` is the server's clock, shown to every page. */
export function realClock(nowMs: () => number): RoomClock {
  return {
    nowMs,
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    soon: (run) => void setImmediate(run),
  };
}
