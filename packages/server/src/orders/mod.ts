// The door of `orders`: one table of orders, what moves them, what their buyers see (docs/spec/orders.md).

export { type AddressProblem, maskAddress, maskContact, readAddress } from "./address.ts";
export { OrderChecker } from "./checker.ts";
export { askingUnderLockMax, createGate, type Gate } from "./gate.ts";
export { orderRoutes } from "./routes.ts";
export { canMove, type OrderEvent, orderIdOf, PAY_BY_MS } from "./rules.ts";
export { idSchema, moneySchema, orderViewSchema, textSchema } from "./schemas.ts";
export {
  type AwardCommand,
  type CommandOutbox,
  createOrders,
  type Learned,
  type NewOrder,
  type Orders,
  type OrdersDeps,
} from "./service.ts";
export { type Tx, transaction } from "./transaction.ts";
export { createVault, spokenCode, type Vault } from "./vault.ts";
