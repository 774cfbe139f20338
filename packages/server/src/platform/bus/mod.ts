// The bus between processes of one house (docs/spec/processes.md MP12).

export type { Bus, BusListener, BusStatus } from "./bus.ts";
export { createMemoryBus, MemoryHub } from "./memory-bus.ts";
export { createNatsBus } from "./nats-bus.ts";
