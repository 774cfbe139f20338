// Shaking a phone as a way to tap. Sensors exist on secure pages only; iOS asks the person, and only after a touch.

export type ShakeAccess = "unsupported" | "insecure" | "ask" | "denied" | "ready";

/** Acceleration without gravity above which a movement is a shake; walking stays under 6, a wave over 15 (m/s²). */
export const SHAKE_ACCELERATION = 12;
/** Two shakes are at least this far apart: one swing of an arm is several samples. */
export const SHAKE_PAUSE_MS = 120;
const GRAVITY = 9.81;

export type MotionSample = {
  readonly acceleration: {
    readonly x: number | null;
    readonly y: number | null;
    readonly z: number | null;
  } | null;
  readonly accelerationIncludingGravity: {
    readonly x: number | null;
    readonly y: number | null;
    readonly z: number | null;
  } | null;
};

/** Strength of a movement in m/s², with gravity taken off as well as the sensor allows. */
export function strength(sample: MotionSample): number {
  const free = sample.acceleration;
  if (free !== null && free.x !== null) return Math.hypot(free.x, free.y ?? 0, free.z ?? 0);
  const all = sample.accelerationIncludingGravity;
  if (all === null || all.x === null) return 0;
  return Math.abs(Math.hypot(all.x, all.y ?? 0, all.z ?? 0) - GRAVITY);
}

/** A detector: feed it samples in time order, it says which of them are shakes. */
export function shakeDetector(): (sample: MotionSample, atMs: number) => boolean {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (sample, atMs) => {
    if (strength(sample) < SHAKE_ACCELERATION || atMs - lastMs < SHAKE_PAUSE_MS) return false;
    lastMs = atMs;
    return true;
  };
}

type AskingMotionEvent = { readonly requestPermission?: () => Promise<"granted" | "denied" | "default"> };

function motionEvent(): AskingMotionEvent | undefined {
  return (globalThis as { DeviceMotionEvent?: AskingMotionEvent }).DeviceMotionEvent;
}

/** What can be said about shaking before anybody was asked. */
export function shakeAccess(): ShakeAccess {
  const touch = typeof navigator !== "undefined" && navigator.maxTouchPoints > 0;
  if (!touch) return "unsupported";
  if (!globalThis.isSecureContext) return "insecure";
  const event = motionEvent();
  if (event === undefined) return "unsupported";
  return event.requestPermission === undefined ? "ready" : "ask";
}

/** Asks the person for the sensor; must run inside a touch or click. */
export async function askForShake(): Promise<ShakeAccess> {
  const event = motionEvent();
  if (event?.requestPermission === undefined) return shakeAccess();
  try {
    return (await event.requestPermission()) === "granted" ? "ready" : "denied";
  } catch {
    return "denied";
  }
}

/**
 * Some browsers can be asked but give motion without: the first sample that comes says so.
 * Returns what ends the listening.
 */
export function noticeMotion(onMotion: () => void): () => void {
  const heard = (event: DeviceMotionEvent) => {
    if (event.acceleration?.x == null && event.accelerationIncludingGravity?.x == null) return;
    removeEventListener("devicemotion", heard);
    onMotion();
  };
  addEventListener("devicemotion", heard);
  return () => removeEventListener("devicemotion", heard);
}

/** Calls `onShake` for each shake until the returned function is called. */
export function listenForShakes(onShake: () => void): () => void {
  const isShake = shakeDetector();
  const heard = (event: DeviceMotionEvent) => {
    if (isShake(event, event.timeStamp)) onShake();
  };
  addEventListener("devicemotion", heard);
  return () => removeEventListener("devicemotion", heard);
}
