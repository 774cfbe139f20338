// The door of `witness`: an outsider's ear in the room (docs/spec/proof.md WT1).
export { attend } from "./attend.ts";
export { type Heard, Witness, type WitnessParts } from "./witness.ts";
export { loadWitnessKey, type WitnessKey, witnessKeyOf } from "./witness-key.ts";
