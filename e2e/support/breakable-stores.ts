// They live with the chaos, and a bench breaks them outside of tests; tools import nothing of e2e/, so e2e/ takes them there.
export type { BreakablePart } from "../../tools/chaos/breakable-part";
export { breakableKafka, breakableRedis } from "../../tools/chaos/breakable-stores";
