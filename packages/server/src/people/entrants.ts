import type { UserId } from "@wanhui/core";
import type { Session } from "./session.ts";

/** People one device brings into one draw or rain: a household around one tablet, and one more. */
const PEOPLE_PER_DEVICE_MAX = 5;
/** Devices of draws remembered, some 200 bytes each: 60 MB. The one untouched for longest goes first. */
const DEVICES_MAX = 300_000;

type Entrant = Pick<Session, "userId" | "device">;

/** Counts the people each device brings into each draw or rain (AB10). */
export type Entrants = {
  /** Whether this person may take part from this device; whoever has, may again. Free after the first time. */
  mayEnter(session: Entrant, what: string): boolean;
};

/** @param options.devicesMax for tests of the bound */
export function createEntrants(options: { devicesMax?: number } = {}): Entrants {
  const devicesMax = options.devicesMax ?? DEVICES_MAX;
  /** Most devices bring one person, who then stands there alone: a set for each would be most of the memory. */
  const peopleOf = new Map<string, UserId | Set<UserId>>();
  /** A session lives as long as its socket: its taps after the first cost no text to be built. */
  const known = new WeakMap<Entrant, Set<string>>();
  return {
    mayEnter(session, what) {
      if (known.get(session)?.has(what)) return true;
      const key = `${what} ${session.device}`;
      const people = withPerson(peopleOf.get(key), session.userId);
      if (people === null) return false;
      peopleOf.delete(key);
      peopleOf.set(key, people);
      if (peopleOf.size > devicesMax) {
        const oldest = peopleOf.keys().next();
        if (oldest.done !== true) peopleOf.delete(oldest.value);
      }
      known.set(session, (known.get(session) ?? new Set()).add(what));
      return true;
    },
  };
}

/** The people of a device with one more; null when it has brought its number of others. */
function withPerson(people: UserId | Set<UserId> | undefined, user: UserId): UserId | Set<UserId> | null {
  if (people === undefined || people === user) return user;
  if (typeof people === "string") return new Set([people, user]);
  if (people.has(user)) return people;
  return people.size < PEOPLE_PER_DEVICE_MAX ? people.add(user) : null;
}
