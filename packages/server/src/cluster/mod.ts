// Several processes of one house on one database (docs/spec/processes.md).

export { Cluster, type ClusterParts, type ClusterStatus, tellBeacons } from "./cluster.ts";
export { type Joined, type MeetOptions, meetHouse, type Visitor } from "./join.ts";
export { Liveness } from "./liveness.ts";
export {
  createMemberStore,
  type HouseView,
  LEASE_MS,
  type Member,
  type MemberStore,
  type Self,
  type SelfState,
} from "./member-store.ts";
export { CLUSTER_VERSION, type CommonMessage, type TapsTold } from "./messages.ts";
