// The live page: a table of runs, curves of the chosen ones, where their configurations differ.
// Whatever comes from a run reaches the document as text only (textContent).
const COLUMNS = [
  ["name", "run"], ["state", "state"], ["step", "step"], ["eta_s", "left"], ["loss", "loss"],
  ["top1", "top-1"], ["images_per_sec", "images/s"], ["processes", "processes"], ["updated", "updated"],
];
const COLOURS = ["#2f7ed8", "#d8572f", "#2fa84f", "#a04fd0", "#c79a00", "#00a0a8", "#d02f7e", "#777"];
const MAX_CHOSEN = 8;
const MAX_ROWS = 300;
const at = (id) => document.getElementById(id);
let runs = [];
let chosen = [];
let sorting = { key: "updated", down: true };
let configs = new Map();
let drawn = [];
let chart = null;
let stream = null;
let isBusy = false;
let isStale = false;

function element(tag, text, parent) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

async function ask(path, query) {
  try {
    const answer = await fetch(path + "?" + new URLSearchParams(query));
    return await answer.json();
  } catch {
    return { note: "the server of this page does not answer" };
  }
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "-";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${(whole / 3600).toFixed(1)} h`;
}

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

function shownRuns() {
  const wanted = at("filter").value.toLowerCase();
  const found = runs.filter((run) => `${run.name} ${run.state}`.toLowerCase().includes(wanted));
  const { key, down } = sorting;
  const order = (a, b) => {
    const [x, y] = [a[key] ?? -Infinity, b[key] ?? -Infinity];
    return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
  };
  return found.sort(order);
}

function drawHead() {
  const head = at("head");
  head.replaceChildren(element("th", "show"));
  for (const [key, title] of COLUMNS) {
    const th = element("th", undefined, head);
    th.setAttribute("aria-sort", sorting.key !== key ? "none" : sorting.down ? "descending" : "ascending");
    const button = element("button", title + (sorting.key === key ? (sorting.down ? " ▼" : " ▲") : ""), th);
    button.type = "button";
    button.onclick = () => {
      sorting = { key, down: sorting.key === key ? !sorting.down : key !== "name" };
      drawHead();
      drawTable();
      head.children[COLUMNS.findIndex((column) => column[0] === key) + 1].firstChild.focus();
    };
  }
}

function drawTable() {
  const body = at("runs");
  const focused = document.activeElement?.dataset?.run;
  const found = shownRuns();
  body.replaceChildren();
  for (const run of found.slice(0, MAX_ROWS)) {
    const tr = element("tr", undefined, body);
    const box = element("input", undefined, element("td", undefined, tr));
    box.type = "checkbox";
    box.checked = chosen.includes(run.name);
    box.dataset.run = run.name;
    box.setAttribute("aria-label", `show ${run.name}`);
    box.onchange = () => choose(run.name, box.checked);
    for (const [key] of COLUMNS) element("td", cell(run, key), tr);
    if (focused === run.name) box.focus();
  }
  if (found.length > MAX_ROWS) {
    element("td", `... and ${found.length - MAX_ROWS} more: filter or sort`, element("tr", undefined, body)).colSpan = 10;
  }
}

function choose(name, isShown) {
  chosen = chosen.filter((other) => other !== name);
  if (isShown) chosen = [...chosen, name].slice(-MAX_CHOSEN);
  listen();
  drawTable();
}

async function readRuns() {
  const answer = await ask("/api/runs", {});
  if (!answer.runs) {
    at("note").textContent = answer.note;
    return;
  }
  runs = answer.runs;
  const running = runs.filter((run) => run.state === "running").length;
  const cut = answer.is_cut ? " (the folder holds more than are shown)" : "";
  at("note").textContent = runs.length
    ? `${runs.length} runs in ${answer.root}, ${running} running${cut}`
    : `No runs in ${answer.root} yet: they appear here when one starts.`;
  drawTable();
}

function horizontal(points, axis, perStep) {
  if (axis === "time") return points.time.map((time) => time - points.time[0]);
  if (axis === "images") return points.step.map((step) => step * perStep);
  return points[axis];
}

function smoothed(values, keep) {
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}

function drawChart() {
  const axis = at("axis").value;
  const keep = Number(at("smooth").value);
  const hidden = new Set(chart ? chart.series.filter((line) => !line.show).map((line) => line.label) : []);
  const lines = drawn.filter((run) => run.points && run.points.step.length);
  chart?.destroy();
  chart = null;
  at("chart").replaceChildren();
  if (!lines.length) {
    element("p", chosen.length ? "No such value in the chosen runs yet." : "Choose runs in the table.", at("chart"));
    return;
  }
  const isLogX = at("logx").checked;
  const isLogY = at("logy").checked;
  const columns = lines.map((run) => {
    const xs = horizontal(run.points, axis, configs.get(run.name)?.global_batch_size ?? NaN);
    const ys = smoothed(run.points.mean, keep);
    const kept = xs.map((x, i) => [x, ys[i]]).filter(([x, y]) => Number.isFinite(x) && (!isLogX || x > 0) && (!isLogY || y > 0));
    kept.sort((a, b) => a[0] - b[0]);
    return [kept.map((pair) => pair[0]), kept.map((pair) => pair[1])];
  });
  const data = uPlot.join(columns);
  const ink = getComputedStyle(document.body).color;
  const grid = { stroke: "#8883" };
  const marks = { draw: (plot) => drawMarks(plot, lines, axis) };
  chart = new uPlot({
    width: at("chart").clientWidth || 600, height: 340,
    scales: { x: { time: false, distr: isLogX ? 3 : 1 }, y: { distr: isLogY ? 3 : 1 } },
    axes: [{ stroke: ink, grid, label: axis }, { stroke: ink, grid, size: 70 }],
    series: [{ label: axis }, ...lines.map((run) => ({
      label: run.name, stroke: COLOURS[chosen.indexOf(run.name) % COLOURS.length], spanGaps: true, width: 1.5, show: !hidden.has(run.name),
    }))],
    hooks: { draw: [marks.draw] },
  }, data, at("chart"));
}

function drawMarks(plot, lines, axis) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.setLineDash([3, 4]);
  lines.forEach((run, index) => {
    if (!plot.series[index + 1].show) return;
    ctx.strokeStyle = COLOURS[chosen.indexOf(run.name) % COLOURS.length] + "66";
    for (const event of run.events) {
      const perStep = configs.get(run.name)?.global_batch_size;
      const value = { step: event.step, epoch: event.epoch, time: event.time - run.points.time[0], images: event.step * perStep }[axis];
      const x = plot.valToPos(value, "x", true);
      if (!(x >= bbox.left && x <= bbox.left + bbox.width)) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
  });
  ctx.restore();
}

function drawNotes() {
  at("notes").replaceChildren();
  const names = new Set();
  for (const run of drawn) {
    if (run.note) element("li", `${run.name}: ${run.note}`, at("notes"));
    if (run.strange_rows) element("li", `${run.name}: ${run.strange_rows} rows are damaged or of another version, and left out`, at("notes"));
    if (run.size > run.read + 4000000) element("li", `${run.name}: ${Math.floor((100 * run.read) / run.size)} % read`, at("notes"));
    for (const name of run.names ?? []) names.add(name);
  }
  const select = at("value");
  if (names.size && [...select.options].map((option) => option.value).join() !== [...names].sort().join()) {
    const before = select.value;
    select.replaceChildren();
    for (const name of [...names].sort()) element("option", name, select);
    if (names.has(before)) select.value = before;
  }
  const rows = drawn.flatMap((run) => (run.events ?? []).slice(-10).map((event) => [run.name, event.kind, `${event.step}`]));
  table(at("events"), ["run", "event", "step"], rows);
}

function table(parent, head, rows) {
  parent.replaceChildren();
  if (!rows.length) return;
  const made = element("table", undefined, parent);
  const top = element("tr", undefined, element("thead", undefined, made));
  head.forEach((title) => element("th", title, top));
  const body = element("tbody", undefined, made);
  for (const row of rows) {
    const tr = element("tr", undefined, body);
    row.forEach((text) => element("td", text, tr));
  }
}

function flat(value, prefix, into) {
  for (const [key, item] of Object.entries(value)) {
    if (item !== null && typeof item === "object" && !Array.isArray(item)) flat(item, `${prefix}${key}.`, into);
    else into.set(prefix + key, JSON.stringify(item));
  }
  return into;
}

function drawDifferences() {
  const held = chosen.filter((name) => configs.has(name));
  const flats = held.map((name) => flat(configs.get(name), "", new Map()));
  const keys = [...new Set(flats.flatMap((one) => [...one.keys()]))].sort();
  const rows = keys.map((key) => [key, ...flats.map((one) => one.get(key) ?? "-")]).filter((row) => new Set(row.slice(1)).size > 1);
  table(at("differences"), ["key", ...held], rows);
  if (!rows.length) element("p", held.length < 2 ? "Choose two runs or more." : "They do not differ.", at("differences"));
}

async function refresh() {
  isStale = true;
  if (isBusy) return;
  isBusy = true;
  while (isStale) {
    isStale = false;
    await readRuns();
    const value = at("value").value;
    const wanted = [...chosen];
    drawn = await Promise.all(wanted.map(async (name) => ({ name, ...(await ask("/api/series", { run: name, value })) })));
    for (const name of wanted) {
      if (configs.has(name)) continue;
      const config = await ask("/api/config", { run: name });
      if (!config.note) configs.set(name, config);
    }
    drawNotes();
    drawChart();
    drawDifferences();
    if (at("value").value !== value) isStale = true;
    if (drawn.some((run) => run.size > run.read + 4000000)) isStale = true; // a long file comes in parts
  }
  isBusy = false;
}

function listen() {
  stream?.close();
  stream = new EventSource("/api/live?" + new URLSearchParams(chosen.map((name) => ["run", name])));
  stream.onmessage = refresh;
  stream.onerror = () => { at("note").textContent = "The server of this page does not answer; trying again."; };
}

at("filter").oninput = drawTable;
at("value").onchange = refresh;
for (const id of ["axis", "smooth", "logx", "logy"]) at(id).oninput = drawChart;
window.addEventListener("resize", drawChart);
drawHead();
await readRuns();
if (runs.length) chosen = [[...runs].sort((a, b) => b.updated - a.updated)[0].name];
drawTable();
listen();
