import { $, breakable, element, fetched, number, problem } from "/static/common.js";

const EVERY_MS = 3000;
let chosen = [];
let shown = "";

function row(run) {
  const made = element("tr");
  const cell = element("td");
  const box = element("input", undefined, { type: "checkbox", "aria-label": `Compare ${run.run}`, id: `c-${run.run}` });
  box.checked = chosen.includes(run.run);
  box.addEventListener("change", () => {
    chosen = chosen.filter((name) => name !== run.run);
    if (box.checked) chosen = [...chosen, run.run].slice(-2);
    for (const each of document.querySelectorAll("input[type=checkbox]")) each.checked = chosen.includes(each.id.slice(2));
    $("compare").disabled = chosen.length !== 2;
  });
  cell.append(box);
  const name = element("th", undefined, { scope: "row" });
  const link = element("a", undefined, { href: `/run/${encodeURIComponent(run.run)}` });
  link.append(...breakable(run.run));
  name.append(link);
  if (run.tags.length) name.append(element("div", run.tags.map((tag) => `#${tag}`).join(" "), { class: "quiet" }));
  const figures = Object.entries(run.metrics).filter(([, value]) => value !== null).map(([key, value]) => `${key} ${number(value)}`);
  made.append(cell, name, element("td", run.state_text), element("td", number(run.steps), { class: "number" }),
    element("td", figures.join(", ")));
  return made;
}

async function refresh() {
  try {
    const found = await fetched("/api/runs");
    const now = JSON.stringify(found);
    if (now !== shown) {
      shown = now;
      const focused = document.activeElement?.id;
      $("folder").textContent = found.folder;
      $("runs").replaceChildren(...found.runs.map(row));
      if (focused) $(focused)?.focus();
    }
    problem(found.runs.length ? "" : "There is no run yet.");
  } catch (error) {
    problem(`The list cannot be read: ${error.message}`);
  }
  setTimeout(refresh, EVERY_MS);
}

$("choice").addEventListener("submit", (event) => {
  event.preventDefault();
  const [a, b] = chosen;
  location.href = `/compare?${new URLSearchParams({ a, b })}`;
});
refresh();
