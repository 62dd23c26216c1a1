import { once } from "node:events";
import { createNoticeFilter } from "./notice-filter";

function message(type: string, body: string): Buffer {
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([header, Buffer.from(body)]);
}

const row = message("D", "a row");
const notice = message("A", "orders_positions 1:0:42");
const ready = message("Z", "I");

async function passing(chunks: readonly Buffer[], isSwallowing: boolean): Promise<{ passed: Buffer; lost: number }> {
  let lost = 0;
  const filter = createNoticeFilter({ isSwallowing: () => isSwallowing, onSwallowed: () => lost++ });
  const passed: Buffer[] = [];
  filter.on("data", (chunk: Buffer) => passed.push(chunk));
  for (const chunk of chunks) filter.write(chunk);
  filter.end();
  await once(filter, "end");
  return { passed: Buffer.concat(passed), lost };
}

test.each([1, 2, 3, 7, 1_000])("only notices are lost, however the bytes are cut (%i at a time)", async (size) => {
  const stream = Buffer.concat([row, notice, ready, notice, notice, row]);
  const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, index) =>
    stream.subarray(index * size, (index + 1) * size),
  );
  expect(await passing(chunks, true)).toEqual({ passed: Buffer.concat([row, ready, row]), lost: 3 });
  expect(await passing(chunks, false)).toEqual({ passed: stream, lost: 0 });
});
