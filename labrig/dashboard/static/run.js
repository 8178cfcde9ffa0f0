import { $, breakable, Chart, element, joined, LEAST_FOR_MEANS, means, number, panels, problem } from "/static/common.js";

const AGAIN_MS = 2000;
const name = decodeURIComponent(location.pathname.split("/").pop());
document.title = `${name}: labrig`;
$("name").append(...breakable(name));
$("report").href = `/report/${encodeURIComponent(name)}`;

// The report takes a second to make, so it is made when it is asked for, and again each time it is opened.
$("more").addEventListener("toggle", () => {
  $("page").hidden = !$("more").open;
  if ($("more").open) $("page").src = $("report").href;
});

let known;
let charts;
let drawing = false;

function reset() {
  known = { about: {}, summary: {}, problem: "", conductances: [], evaluations: [],
    series: { step: [], loss: [], gradient: [], u_gradient: [], bench_ms: [], wall_ms: [] } };
}

function connect() {
  reset();
  const socket = new WebSocket(`ws://${location.host}/live/${encodeURIComponent(name)}`);
  socket.addEventListener("open", () => { $("connection").textContent = "live"; });
  socket.addEventListener("message", (event) => {
    const news = JSON.parse(event.data);
    for (const key of ["about", "summary", "problem", "conductances"]) if (key in news) known[key] = news[key];
    for (const [key, values] of Object.entries(news.series)) for (const value of values) known.series[key].push(value);
    known.evaluations.push(...news.evaluations);
    if (!drawing) requestAnimationFrame(draw);
    drawing = true;
  });
  socket.addEventListener("close", () => {
    $("connection").textContent = "not connected to the dashboard; trying again";
    setTimeout(connect, AGAIN_MS);
  });
}

function chart(key, options) {
  charts[key] ??= new Chart($(key), options);
  return charts[key];
}

function draw() {
  drawing = false;
  charts ??= {};
  const { about, summary, series, evaluations } = known;
  problem(known.problem);
  $("state").textContent = summary.state_text ?? "";
  figures(summary);
  const unit = about.loss_unit ? `loss (${about.loss_unit})` : "loss";
  const step = series.step;
  chart("loss", { y: unit, log: "auto", series: [
    { label: "each step", colour: "grey", points: 2 },
    { label: "mean of steps", colour: "vermilion" },
    { label: "training set", colour: "orange", points: 9 },
    { label: "test set", colour: "blue", points: 7 },
  ] }).set(joined([[step, series.loss], step.length < LEAST_FOR_MEANS ? [[], []] : means(step, series.loss), metric("loss"), metric("test_loss")]));
  for (const [title, names] of panels(evaluations)) {
    const id = `metric-${title.replace(" ", "-")}`;
    if (!$(id)) $("metrics").append(element("h2", title), element("div", undefined, { id, class: "chart" }));
    chart(id, { y: title, height: 180, whole: true, log: title === "rms" ? "auto" : false, series: names.map((each) => (
      { label: each, colour: each.startsWith("test_") ? "blue" : "orange", points: each.startsWith("test_") ? 7 : 9 }
    )) }).set(joined(names.map(metric)));
  }
  const per = about.parameter_unit ? `norm (1/${about.parameter_unit})` : "norm";
  chart("gradient", { y: per, log: "auto", series: [
    { label: "gradient", colour: "blue", points: 2 }, { label: "its standard error", colour: "vermilion", points: 2 },
  ] }).set([step, series.gradient, series.u_gradient]);
  const edges = known.conductances.map((_, k) => k);
  chart("conductance", { x: "edge", whole: true, y: about.parameter ?? "", series: [
    { label: "after the last step", colour: "blue", points: edges.length > 1000 ? 2 : 6 },
    { label: "lower end of the range", colour: "grey", dash: [4, 4] },
    { label: "upper end of the range", colour: "grey", dash: [4, 4] },
  ] }).set([edges, known.conductances, ...(about.range ?? [null, null]).map((end) => edges.map(() => end))]);
  chart("time", { y: "ms", height: 180, series: [
    { label: "on the bench", colour: "blue", points: 3 }, { label: "wall time", colour: "orange", points: 3 },
  ] }).set([step, series.bench_ms, series.wall_ms]);
  events(summary.events ?? []);
}

function figures(summary) {
  const judged = summary.judge?.metrics ?? {};
  $("figures").replaceChildren(...Object.entries(summary.metrics ?? {}).filter(([, value]) => value !== null).map(([key, value]) => {
    const box = element("div");
    box.append(element("dt", key), element("dd", number(value)));
    if (key in judged) box.append(element("dd", `${summary.judge.by}: ${number(judged[key])}`, { class: "quiet" }));
    return box;
  }));
}

function events(found) {
  const shown = found.slice(-100).reverse().map((event) => {
    const edges = event.edges ? ` ${event.edges.join(", ")}` : "";
    const words = [event.message ?? event.reason, event.action].filter(Boolean).join("; ");
    return element("li", `step ${event.step}: ${event.event}${edges}${words ? `: ${words}` : ""}`);
  });
  $("events").replaceChildren(...(shown.length ? shown : [element("li", "none", { class: "quiet" })]));
}

const metric = (key) => {
  const made = known.evaluations.filter((each) => each.metrics[key] !== undefined && each.metrics[key] !== null);
  return [made.map((each) => each.step), made.map((each) => each.metrics[key])];
};

connect();
