// The live page: which runs are chosen, and when to ask for them again.
import { COLOURS, drawChart } from "./chart.js";
import { ask, at, element } from "./dom.js";
import { drawDifferences, drawNotes, drawParts, drawRanks, drawSamples } from "./panels.js";
import { allowControl, drawHead, drawTable } from "./table.js";

const MAX_CHOSEN = 8;
const PART_BYTES = 4000000;
const LIST_EVERY_MS = 10000; // runs that are not chosen change too
let runs = [];
let chosen = [];
let drawn = [];
let stream = null;
let isBusy = false;
let isStale = false;
let hasChosen = false;
let reading = 0;

const showTable = () => drawTable(runs, chosen, choose);
const showChart = () => drawChart(drawn);

function chooseNewest() {
  if (hasChosen || !runs.length) return false;
  choose([...runs].sort((a, b) => b.updated - a.updated)[0].name, true);
  return true;
}

function choose(name, isShown) {
  hasChosen = true;
  chosen = chosen.filter((other) => other !== name);
  if (isShown) chosen = [...chosen, name].slice(-MAX_CHOSEN);
  listen();
  showTable();
}

async function readRuns() {
  const answer = await ask("/api/runs", {});
  if (!answer.runs) {
    at("note").textContent = answer.note;
    return;
  }
  runs = answer.runs;
  allowControl(answer.may_control);
  const running = runs.filter((run) => run.state === "running").length;
  const cut = answer.is_cut ? " (the folder holds more than are shown)" : "";
  const left = answer.unread ? ` (${answer.unread} more are being read)` : "";
  at("note").textContent = runs.length
    ? `${runs.length} runs in ${answer.root}, ${running} running${cut}${left}`
    : `No runs in ${answer.root} yet: they appear here when one starts.`;
  showTable();
  window.clearTimeout(reading);
  if (answer.unread) reading = window.setTimeout(readRuns);
}

async function readRun(name, value) {
  const [series, details] = await Promise.all([ask("/api/series", { run: name, value }), ask("/api/run", { run: name })]);
  const row = runs.find((run) => run.name === name);
  const colour = COLOURS[chosen.indexOf(name) % COLOURS.length];
  return { ...details, ...series, name, colour, parts: row?.parts, last: row?.step ?? undefined };
}

function offerValues() {
  const names = [...new Set(drawn.flatMap((run) => run.names ?? []))].sort();
  const select = at("value");
  if (!names.length || [...select.options].map((option) => option.value).join() === names.join()) return;
  const before = select.value;
  select.replaceChildren();
  for (const name of names) element("option", name, select);
  if (names.includes(before)) select.value = before;
}

async function refresh() {
  isStale = true;
  if (isBusy) return;
  isBusy = true;
  while (isStale) {
    isStale = false;
    await readRuns();
    chooseNewest();
    const value = at("value").value;
    drawn = await Promise.all(chosen.map((name) => readRun(name, value)));
    offerValues();
    for (const draw of [drawNotes, drawChart, drawRanks, drawParts, drawDifferences]) draw(drawn);
    if (at("value").value !== value) isStale = true;
    if (drawn.some((run) => run.size > run.read + PART_BYTES)) isStale = true; // a long file comes in parts
  }
  isBusy = false;
}

function listen() {
  stream?.close();
  stream = new EventSource("/api/live?" + new URLSearchParams(chosen.map((name) => ["run", name])));
  stream.onmessage = refresh;
  stream.onerror = () => { at("note").textContent = "The server of this page does not answer; trying again."; };
}

at("filter").oninput = showTable;
at("value").onchange = refresh;
for (const id of ["axis", "smooth", "logx", "logy"]) at(id).oninput = showChart;
at("show-samples").onclick = () => chosen.length && drawSamples(chosen.at(-1));
window.addEventListener("resize", showChart);
window.setInterval(readRuns, LIST_EVERY_MS);
drawHead(showTable);
await readRuns();
if (!chooseNewest()) listen();
