// What several pages use. Text from runs is only ever set as textContent, never as HTML.

export const $ = (id) => document.getElementById(id);

export function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// Children that show the name of a run, which may break after _, - and a point, but not within a word.
export function breakable(name) {
  return name.split(/(?<=[-_.])/).flatMap((part) => [part, element("wbr")]);
}

export function number(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  const text = size && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : String(Number(value.toPrecision(5)));
  return text.replace("-", "−");
}

export function problem(text) {
  $("problem").hidden = !text;
  $("problem").textContent = text;
}

export async function fetched(address) {
  const answer = await fetch(address);
  if (answer.status === 401) throw new Error("the dashboard was started again: open the address that it printed");
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// A chart that follows the width of its place and the colours of the page. `series`: label, colour (a CSS variable),
// and `points` for dots without a line. `whole`: no value is an outlier. Values that are not positive have no place on a logarithmic axis.
export class Chart {
  constructor(place, { series, x = "step", y = "", log = false, whole = false, height = 240 }) {
    this.place = place;
    this.options = { series, x, y, log, whole, height };
    this.data = [[], ...series.map(() => [])];
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.rebuild());
  }

  size() {
    return { width: Math.max(240, this.place.clientWidth), height: this.options.height };
  }

  set(data) {
    const log = this.options.log === "auto" ? spansDecades(data.slice(1)) : this.options.log;
    this.data = log ? [data[0], ...data.slice(1).map((values) => values.map((v) => (v > 0 ? v : null)))] : data;
    if (!this.plot || log !== this.isLog) {
      this.isLog = log;
      this.rebuild();
    } else {
      this.plot.setData(this.data);
    }
  }

  rebuild() {
    this.plot?.destroy();
    const { series, x, y, whole } = this.options;
    const axis = { stroke: colour("ink"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") } };
    const integers = (plot, values) => values.map((value) => (Number.isInteger(value) ? String(value) : ""));
    const scale = this.isLog ? { distr: 3 } : { range: (plot, low, high) => usual(this.data.slice(1), whole) };
    const decades = (plot, splits) => splits.map((value) => (this.isLog && !isDecade(value) ? null : value));
    const vertical = { ...axis, grid: { ...axis.grid, filter: decades }, ticks: { ...axis.ticks, filter: decades }, filter: decades };
    const labels = (plot, values) => values.map((value) => (value === null ? "" : this.isLog ? decade(value) : number(value)));
    this.plot = new uPlot({
      ...this.size(),
      scales: { x: { time: false }, y: scale },
      axes: [
        { ...axis, label: x, labelSize: 22, values: integers, incrs: WHOLE },
        { ...vertical, label: y, labelSize: 22, size: 64, space: 26, values: labels },
      ],
      cursor: { y: false },
      legend: { markers: { width: 0, fill: (plot, k) => (k ? colour(series[k - 1].colour) : "transparent") } },
      series: [
        { label: x },
        ...series.map((each) => ({
          label: each.label, stroke: colour(each.colour), width: each.points ? 0 : 1.6, dash: each.dash,
          points: { show: Boolean(each.points), size: each.points ?? 4, fill: colour(each.colour), width: 0 },
          paths: each.points ? () => null : undefined, spanGaps: true,
          value: (plot, value) => number(value),
        })),
      ],
    }, this.data, this.place);
    this.place.querySelector("canvas").setAttribute("aria-hidden", "true");
  }
}

const WHOLE = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
const isDecade = (value) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6;
const decade = (value) => `10${[...String(Math.round(Math.log10(value)))].map((sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]).join("")}`;

const DECADES = 1.5; // as in labrig/runs/plots/scales.py
const at = (sorted, share) => sorted[Math.round(share * (sorted.length - 1))];

function spansDecades(columns) {
  const values = columns.flat().filter((value) => value > 0).sort((a, b) => a - b);
  const negative = columns.some((column) => column.some((value) => value !== null && value < 0));
  return !negative && values.length > 1 && at(values, 0.98) > 10 ** DECADES * at(values, 0.02);
}

// The range of an axis that a few outliers do not stretch: within four interquartile ranges of the quartiles.
function usual(columns, whole) {
  const values = columns.flat().filter((value) => value !== null && Number.isFinite(value)).sort((a, b) => a - b);
  if (!values.length) return [0, 1];
  const [first, third] = [at(values, 0.25), at(values, 0.75)];
  const room = 4 * (third - first);
  let [bottom, top] = [values[0], values[values.length - 1]];
  if (!whole && values.length >= 8 && room > 0) [bottom, top] = [Math.max(bottom, first - room), Math.min(top, third + room)];
  const margin = 0.06 * (top - bottom || Math.abs(top) || 1);
  return [bottom - margin, top + margin];
}

// Groups of metrics that share an axis: [title, names].
export function panels(evaluations) {
  const names = [...new Set(evaluations.flatMap((each) => Object.keys(each.metrics)))];
  const groups = [["Accuracy", /^(test_|train_)?accuracy$/], ["Patterns right", /^patterns_right$/], ["rms", /^(test_|train_)?rms(_.*)?$/]];
  return groups.map(([title, pattern]) => [title, names.filter((name) => pattern.test(name))]).filter(([, found]) => found.length);
}

// Means over several steps, as in labrig/runs/plots/means.py: [middle steps, means]. Few steps are left as they are.
const BINS = 150, LEAST_STEPS = 10;
export const LEAST_FOR_MEANS = 200;

export function means(steps, values) {
  const width = steps.length >= LEAST_FOR_MEANS ? Math.max(Math.ceil(steps.length / BINS), LEAST_STEPS) : 1;
  const found = [[], []];
  for (let start = 0; start < steps.length; start += width) {
    const end = Math.min(start + width, steps.length);
    const bin = values.slice(start, end).filter((value) => value !== null);
    if (bin.length < Math.min(2, width)) continue;
    found[0].push(steps[Math.floor((start + end) / 2)]);
    found[1].push(bin.reduce((sum, value) => sum + value, 0) / bin.length);
  }
  return found;
}

// Series of different steps on one axis, as uPlot wants them.
export function joined(pairs) {
  const at = new Map();
  pairs.forEach(([steps, values], series) => steps.forEach((step, k) => {
    if (!at.has(step)) at.set(step, pairs.map(() => null));
    at.get(step)[series] = values[k];
  }));
  const steps = [...at.keys()].sort((a, b) => a - b);
  return [steps, ...pairs.map((_, series) => steps.map((step) => at.get(step)[series]))];
}
