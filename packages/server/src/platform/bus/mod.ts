// The bus between processes of one house (docs/spec/processes.md MP12).

export type { Bus, BusListener, BusStatus } from "./bus.ts";
export { createMemoryBus, MemoryHub } from "./memory-bus.ts";
export { NATS_URL_RULE, type NatsAddress, natsUrlForPeople, readNatsUrl } from "./nats-address.ts";
export { createNatsBus } from "./nats-bus.ts";
