import { $, Chart, element, fetched, joined, means, number, panels, problem } from "/static/common.js";

const EVERY_MS = 5000;
const asked = new URLSearchParams(location.search);
const names = [asked.get("a") ?? "", asked.get("b") ?? ""];
const COLOURS = ["blue", "vermilion"];
const charts = {};

function table(place, header, rows) {
  const head = element("tr");
  head.append(...header.map((text) => element("th", text, { scope: "col" })));
  const top = element("thead");
  top.append(head);
  const body = element("tbody");
  body.append(...rows.map(([first, ...others]) => {
    const row = element("tr");
    row.append(element("th", first, { scope: "row" }), ...others.map((value) => element("td", number(value))));
    return row;
  }));
  place.replaceChildren(top, body);
}

function draw({ comparison, curves }) {
  problem([comparison.problem, ...names.map((name) => curves[name].problem)].filter(Boolean).join("; "));
  if (comparison.runs) {
    $("verdict").textContent = comparison.comparable ? "Comparable: the cards are the same, and both runs are complete."
      : comparison.learning_alone ? "The same task, board and bench: the runs differ in how they learn."
      : Object.keys(comparison.differs).length ? "NOT comparable: their cards differ." : "NOT comparable: a run is not complete.";
    table($("figures"), ["", ...names], [
      ["state", ...comparison.states], ["seed", ...comparison.seeds], ["steps", ...comparison.steps],
      ...Object.entries(comparison.figures).map(([key, values]) => [key, ...values]),
    ]);
    const plain = (value) => (Array.isArray(value) ? value.join(", ") : value);
    table($("differs"), ["key", ...names], Object.entries(comparison.differs).map(([key, values]) => [key, ...values.map(plain)]));
  }
  const series = (suffix) => names.map((name, k) => ({ label: `${name}${suffix}`, colour: COLOURS[k] }));
  charts.loss ??= new Chart($("loss"), { y: "loss, mean of steps", log: "auto", series: series("") });
  charts.loss.set(joined(names.map((name) => means(curves[name].series.step, curves[name].series.loss))));
  for (const [title, metrics] of panels(names.flatMap((name) => curves[name].evaluations))) {
    const metric = metrics.find((each) => each.startsWith("test_")) ?? metrics[0];
    const id = `metric-${title.replace(" ", "-")}`;
    if (!$(id)) $("metrics").append(element("h2", `${title}: ${metric}`), element("div", undefined, { id, class: "chart" }));
    charts[id] ??= new Chart($(id), { y: metric, height: 180, whole: true, log: title === "rms" ? "auto" : false,
      series: series("").map((each, k) => ({ ...each, points: k ? 6 : 9 })) });
    charts[id].set(joined(names.map((name) => {
      const made = curves[name].evaluations.filter((each) => each.metrics[metric] !== undefined);
      return [made.map((each) => each.step), made.map((each) => each.metrics[metric])];
    })));
  }
}

async function refresh() {
  try {
    draw(await fetched(`/api/compare?${new URLSearchParams({ a: names[0], b: names[1] })}`));
  } catch (error) {
    problem(`The runs cannot be compared: ${error.message}`);
  }
  setTimeout(refresh, EVERY_MS);
}
refresh();
