// It lives with the chaos, which breaks networks outside of tests; tools import nothing of e2e/, so e2e/ takes it there.
export { type HalfOpenProxy, startHalfOpenProxy } from "../../tools/chaos/half-open-proxy";
