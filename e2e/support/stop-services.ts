import type { StartedServices } from "./start-services";

/** jest's global teardown: ends what start-services.ts started. */
module.exports = async (): Promise<void> => {
  await (globalThis as StartedServices).ordersTestServices?.stop();
};
