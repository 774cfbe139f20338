/** A message's bytes, as they came; they belong to the listener. */
export type BusListener = (bytes: Uint8Array) => void;

/** Whether messages travel, and what was lost while they did not. */
export type BusStatus = {
  /** Why nothing travels, or null while it does. */
  readonly trouble: string | null;
  /** Messages that were not even sent, since the start. */
  readonly dropped: number;
};

/**
 * Messages between the processes of one house (MP12): at most once, in order per sender and subject, to every
 * subscriber, the sender too. Whatever implements it must pass `busContract`.
 */
export interface Bus {
  /** Sends at once or drops; never waits, never throws. Bytes must not be changed afterwards. */
  publish(subject: string, bytes: Uint8Array): void;
  /** Calls back for every message of a subject from now on. @returns ends it */
  subscribe(subject: string, listener: BusListener): () => void;
  /** Largest message that travels, in bytes. */
  readonly bytesMax: number;
  status(): BusStatus;
  /** Calls back when messages stop or begin to travel. @returns ends it */
  onChange(listener: (status: BusStatus) => void): () => void;
  close(): Promise<void>;
}
