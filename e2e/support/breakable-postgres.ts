// It lives with the chaos, and a bench breaks it outside of tests; tools import nothing of e2e/, so e2e/ takes it there.
export { type BreakablePostgres, insideOf, startBreakablePostgres } from "../../tools/chaos/breakable-postgres";
