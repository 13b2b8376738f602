// The table of runs: sorted, filtered, with a box to choose each, and buttons to control it where that is allowed.
import { at, duration, element, wish } from "./dom.js";

const COLUMNS = [
  ["name", "run"], ["state", "state"], ["step", "step"], ["eta_s", "left"], ["loss", "loss"],
  ["top1", "top-1"], ["images_per_sec", "images/s"], ["processes", "processes"], ["updated", "updated"],
];
const ACTIONS = { running: ["stop"], failed: ["resume", "delete"], stopped: ["resume", "delete"], finished: ["delete"], damaged: [] };
const MAX_ROWS = 300;
const sorting = { key: "updated", down: true };
let mayControl = false;

function cell(run, key) {
  const value = run[key];
  if (key === "name") return run.name;
  if (key === "state") return run.note ? `${run.state}: ${run.note}` : run.state;
  if (value === null || value === undefined) return "-";
  if (key === "step") return run.total_steps === null ? `${value}` : `${value} / ${run.total_steps}`;
  if (key === "eta_s") return run.state === "running" ? duration(value) : "-";
  if (key === "top1") return `${(100 * value).toFixed(2)} %`;
  if (key === "updated") return value ? new Date(1000 * value).toLocaleString() : "-";
  return key === "processes" ? `${value}` : `${Number(value.toPrecision(4))}`;
}

function shown(runs) {
  const wanted = at("filter").value.toLowerCase();
  const { key, down } = sorting;
  const order = (a, b) => {
    const [x, y] = [a[key] ?? -Infinity, b[key] ?? -Infinity];
    return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
  };
  return runs.filter((run) => `${run.name} ${run.state}`.toLowerCase().includes(wanted)).sort(order);
}

export function allowControl(isAllowed) {
  mayControl = isAllowed;
}

export function drawHead(redraw) {
  const head = at("head");
  head.replaceChildren(element("th", "show"));
  for (const [key, title] of COLUMNS) {
    const th = element("th", undefined, head);
    th.setAttribute("aria-sort", sorting.key !== key ? "none" : sorting.down ? "descending" : "ascending");
    const button = element("button", title + (sorting.key === key ? (sorting.down ? " ▼" : " ▲") : ""), th);
    button.type = "button";
    button.onclick = () => {
      sorting.down = sorting.key === key ? !sorting.down : key !== "name";
      sorting.key = key;
      drawHead(redraw);
      redraw();
      head.children[COLUMNS.findIndex((column) => column[0] === key) + 1].firstChild.focus();
    };
  }
}

function drawActions(run, parent) {
  for (const action of ACTIONS[run.state] ?? []) {
    const button = element("button", action, parent);
    button.type = "button";
    button.setAttribute("aria-label", `${action} ${run.name}`);
    button.onclick = async () => {
      const question = { stop: "Save a checkpoint of it and stop", resume: "Go on with", delete: "Delete, with all its checkpoints," };
      if (!window.confirm(`${question[action]} the run ${run.name}?`)) return;
      at("said").textContent = `${run.name}: ${await wish(run.name, action)}`;
    };
  }
}

export function drawTable(runs, chosen, choose) {
  const body = at("runs");
  const focused = document.activeElement?.getAttribute("aria-label");
  const found = shown(runs);
  body.replaceChildren();
  for (const run of found.slice(0, MAX_ROWS)) {
    const tr = element("tr", undefined, body);
    const box = element("input", undefined, element("td", undefined, tr));
    box.type = "checkbox";
    box.checked = chosen.includes(run.name);
    box.setAttribute("aria-label", `show ${run.name}`);
    box.onchange = () => choose(run.name, box.checked);
    for (const [key] of COLUMNS) element("td", cell(run, key), tr);
    if (mayControl) drawActions(run, element("td", undefined, tr));
    for (const one of tr.querySelectorAll("input, button")) if (one.getAttribute("aria-label") === focused) one.focus();
  }
  if (found.length > MAX_ROWS) {
    element("td", `... and ${found.length - MAX_ROWS} more: filter or sort`, element("tr", undefined, body)).colSpan = 11;
  }
}
