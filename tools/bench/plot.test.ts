import { drawPlot, inWords, type Plot } from "./plot";

const plot: Plot = {
  title: "Reads",
  along: "connections",
  places: ["64", "256"],
  unit: "req/s",
  lines: [
    { name: "ours", values: [20_000, 10_000] },
    { name: "node:http <12 bytes> & more", values: [40_000, undefined], isReference: true },
  ],
};

test("a plot has a mark for each value, at a height that is its share of the axis", () => {
  const svg = drawPlot(plot);
  const [circles, squares] = [svg.match(/<circle [^>]*cy="([^"]+)"/g), svg.match(/<rect class="mark"/g)];
  // One more of each in the legend.
  expect([circles?.length, squares?.length]).toEqual([3, 2]);
  const [first, second] = [...svg.matchAll(/<circle [^>]*cy="([^"]+)"/g)].map(([, y]) => 350 - Number(y));
  expect((first ?? 0) / (second ?? 1)).toBeCloseTo(2, 1);
});

test("a plot says its numbers in words, and has colours for a dark page", () => {
  expect(inWords(plot)).toBe(
    "Reads, in req/s, by connections. ours: 20,000 at 64, 10,000 at 256; node:http <12 bytes> & more: 40,000 at 64.",
  );
  const svg = drawPlot(plot);
  expect(svg).toContain("node:http &lt;12 bytes&gt; &amp; more");
  expect(svg).toContain("@media (prefers-color-scheme: dark)");
  expect(svg).toMatch(/role="img" aria-labelledby="title desc"/);
});
