import { rounded } from "./result";

/** A picture of a result: a value of each line at each place of the horizontal axis. */
export interface Plot {
  readonly title: string;
  /** What the places are, and their names from left to right. */
  readonly along: string;
  readonly places: readonly string[];
  readonly unit: string;
  readonly lines: readonly PlotLine[];
}

export interface PlotLine {
  readonly name: string;
  /** One a place; undefined where nothing was measured. */
  readonly values: readonly (number | undefined)[];
  /** What the others are set against: drawn dashed. */
  readonly isReference?: boolean;
}

const WIDTH = 760;
const HEIGHT = 400;
const area = { left: 70, right: 500, top: 48, bottom: 350 } as const;
const LEGEND_LEFT = 524;
const LEGEND_STEP = 22;
const TICKS = 5;

/**
 * Colours that people with any colour vision can tell apart (Okabe and Ito), lighter ones on a dark page; the dashes and
 * the marks say the same without any colour.
 */
const STYLE = `
    svg { color-scheme: light dark; font: 13px system-ui, sans-serif; }
    .page { fill: #ffffff; } text { fill: #1f2328; } .soft { fill: #59636e; } .grid { stroke: #d1d9e0; }
    .line { fill: none; stroke-width: 2; } .reference { stroke-dasharray: 6 4; }
    .c0 { --c: #0072b2; } .c1 { --c: #d55e00; } .c2 { --c: #007a5a; } .c3 { --c: #a8447f; } .c4 { --c: #8a6d00; } .c5 { --c: #4b5563; }
    .line { stroke: var(--c); } .mark { fill: var(--c); }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; } text { fill: #f0f6fc; } .soft { fill: #9198a1; } .grid { stroke: #3d444d; }
      .c0 { --c: #56b4e9; } .c1 { --c: #ff9e57; } .c2 { --c: #3fcf9f; } .c3 { --c: #e79ac6; } .c4 { --c: #f0e442; } .c5 { --c: #b6bec9; }
    }`;
const COLOURS = 6;

/**
 * The picture as SVG, which looks as the page's reader has it, light or dark, and says its numbers in words. Written by
 * hand, because libraries of charts draw into a browser's DOM, or bring one of their own for this.
 */
export function drawPlot(plot: Plot): string {
  const top = niceTop(Math.max(...plot.lines.flatMap(({ values }) => values.map((value) => value ?? 0)), 0));
  const x = (place: number): number =>
    area.left + ((place + 0.5) * (area.right - area.left)) / Math.max(1, plot.places.length);
  const y = (value: number): number => area.bottom - (value / top) * (area.bottom - area.top);
  const grid = Array.from({ length: TICKS + 1 }, (_, tick) => (top * tick) / TICKS).map(
    (value) =>
      `<line class="grid" x1="${area.left}" x2="${area.right}" y1="${at(y(value))}" y2="${at(y(value))}"/>` +
      `<text class="soft" x="${area.left - 8}" y="${at(y(value) + 4)}" text-anchor="end">${shown(value)}</text>`,
  );
  const places = plot.places.map(
    (name, place) =>
      `<text class="soft" x="${at(x(place))}" y="${area.bottom + 20}" text-anchor="middle">${escaped(name)}</text>`,
  );
  const lines = plot.lines.map(({ values, isReference }, n) => {
    const points = values.flatMap((value, place) => (value === undefined ? [] : [[x(place), y(value)] as const]));
    const path = points.map(([px, py]) => `${at(px)},${at(py)}`).join(" ");
    const marks = points.map(([px, py]) => markOf(n, px, py)).join("");
    return `<g class="c${n % COLOURS}"><polyline class="line${isReference ? " reference" : ""}" points="${path}"/>${marks}</g>`;
  });
  const legend = plot.lines.map(({ name, isReference }, n) => {
    const height = area.top + n * LEGEND_STEP;
    return `<g class="c${n % COLOURS}"><line class="line${isReference ? " reference" : ""}" x1="${LEGEND_LEFT}" x2="${
      LEGEND_LEFT + 24
    }" y1="${height}" y2="${height}"/>${markOf(n, LEGEND_LEFT + 12, height)}<text x="${LEGEND_LEFT + 32}" y="${
      height + 4
    }">${escaped(name)}</text></g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title desc">
  <title id="title">${escaped(plot.title)}</title>
  <desc id="desc">${escaped(inWords(plot))}</desc>
  <style>${STYLE}
  </style>
  <rect class="page" width="${WIDTH}" height="${HEIGHT}"/>
  <text x="${area.left}" y="24" font-weight="600">${escaped(`${plot.title} (${plot.unit})`)}</text>
  ${[...grid, ...places, ...lines, ...legend].join("\n  ")}
  <text class="soft" x="${(area.left + area.right) / 2}" y="${area.bottom + 42}" text-anchor="middle">${escaped(plot.along)}</text>
</svg>
`;
}

/** The same for whoever does not see it. */
export function inWords({ title, along, places, unit, lines }: Plot): string {
  const said = lines.map(({ name, values }) => {
    const numbers = values.flatMap((value, place) =>
      value === undefined ? [] : [`${shown(value)} at ${places[place] ?? ""}`],
    );
    return `${name}: ${numbers.join(", ")}`;
  });
  return `${title}, in ${unit}, by ${along}. ${said.join("; ")}.`;
}

/** Circle, square, triangle, diamond: by turns. */
function markOf(line: number, x: number, y: number): string {
  const shapes = [
    `<circle class="mark" cx="${at(x)}" cy="${at(y)}" r="4"/>`,
    `<rect class="mark" x="${at(x - 4)}" y="${at(y - 4)}" width="8" height="8"/>`,
    `<path class="mark" d="M${at(x)} ${at(y - 5)}l5 9h-10z"/>`,
    `<path class="mark" d="M${at(x)} ${at(y - 6)}l5 6l-5 6l-5 -6z"/>`,
  ];
  return shapes[line % shapes.length] ?? "";
}

/** The first of 1, 2, 2.5, 5 and 10 times a power of ten that everything fits below. */
function niceTop(highest: number): number {
  if (!(highest > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(highest));
  return ([1, 2, 2.5, 5, 10].find((step) => step * power >= highest) ?? 10) * power;
}

const at = (position: number): string => String(Math.round(position * 10) / 10);
const shown = (value: number): string => rounded(value).toLocaleString("en");

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
