// Several processes of one house on one database (docs/spec/processes.md).

export { Cluster, type ClusterParts, type ClusterStatus, tellBeacons } from "./cluster.ts";
export { joinHouse } from "./join.ts";
export { Liveness } from "./liveness.ts";
export { createMemberStore, type Member, type MemberStore, type Self } from "./member-store.ts";
export { CLUSTER_VERSION, type CommonMessage } from "./messages.ts";
