import { audit, createTestSystem } from "./audit/test-support";
import { breakSome, brokenKinds, isBroken } from "./publish/broken-records";
import { generateOrders } from "./publish/generate-order";

// G1, G4. Fails when a record that is none is not counted, or when its neighbours are rejected with it.
test("a tenth of bad records, of every kind, costs the good ones nothing, and the audit is exact", async () => {
  const system = await createTestSystem();
  try {
    await system.ingest();
    const records = [...breakSome(generateOrders({ count: 1_000, seed: 1 }), { share: 0.1, seed: 1 })];
    expect(new Set(records.filter(isBroken).map(({ kind }) => kind)).size).toBe(brokenKinds.length);
    await system.publish(
      records.map(({ id, bytes }) => ({ key: id, value: bytes })),
      1_000,
    );
    const { ok, differences, partitions } = await audit(system.env);
    expect({ ok, differences }).toEqual({ ok: true, differences: [] });
    const sum = (of: "stored" | "duplicate" | "dead"): number => partitions.reduce((all, each) => all + each[of], 0);
    expect([sum("stored"), sum("duplicate"), sum("dead")]).toEqual([900, 0, 100]);
  } finally {
    await system.drop();
  }
});
