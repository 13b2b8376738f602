// The curves of the chosen runs over each other, events and deaths as marks, the planned learning rate beside the real one.
import { at, element } from "./dom.js";

export const COLOURS = ["#2f7ed8", "#d8572f", "#2fa84f", "#a04fd0", "#c79a00", "#00a0a8", "#d02f7e", "#777"];
const PLANNED = "train.learning_rate";
const hidden = new Set();
let chart = null;
let drawAgain = () => {};

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

function columnOf(xs, ys) {
  const [isLogX, isLogY] = [at("logx").checked, at("logy").checked];
  const kept = xs.map((x, i) => [x, ys[i]]).filter(([x, y]) => Number.isFinite(x) && (!isLogX || x > 0) && (!isLogY || y > 0));
  kept.sort((a, b) => a[0] - b[0]);
  return [kept.map((pair) => pair[0]), kept.map((pair) => pair[1])];
}

function linesOf(runs, axis) {
  const keep = Number(at("smooth").value);
  const lines = [];
  for (const run of runs) {
    const perStep = run.config?.global_batch_size ?? NaN;
    const line = { label: run.name, colour: run.colour, run };
    if (run.points?.step.length) lines.push({ ...line, column: columnOf(horizontal(run.points, axis, perStep), smoothed(run.points.mean, keep)) });
    const isPlanned = at("value").value === PLANNED && run.plan && (axis === "step" || axis === "images");
    if (!isPlanned) continue;
    const xs = run.plan.step.map((step) => (axis === "step" ? step : step * perStep));
    lines.push({ ...line, label: `${run.name} (plan)`, dash: [6, 4], isPlan: true, column: columnOf(xs, run.plan.rate) });
  }
  return lines;
}

export function drawChart(runs) {
  drawAgain = () => drawChart(runs);
  const axis = at("axis").value;
  const lines = linesOf(runs, axis);
  chart?.destroy();
  chart = null;
  at("chart").replaceChildren();
  drawLegend(lines);
  if (!lines.length) {
    element("p", runs.length ? "No such value in the chosen runs yet." : "Choose runs in the table.", at("chart"));
    return;
  }
  const ink = getComputedStyle(document.body).color;
  const grid = { stroke: "#8883" };
  chart = new uPlot({
    width: at("chart").clientWidth || 600, height: 340, legend: { show: false },
    scales: { x: { time: false, distr: at("logx").checked ? 3 : 1 }, y: { distr: at("logy").checked ? 3 : 1 } },
    axes: [{ stroke: ink, grid, label: axis }, { stroke: ink, grid, size: 70 }],
    series: [{ label: axis }, ...lines.map((line) => ({
      label: line.label, stroke: line.colour, dash: line.dash, spanGaps: true, width: 1.5, show: !hidden.has(line.label),
    }))],
    hooks: { draw: [(plot) => drawMarks(plot, lines, axis)] },
  }, uPlot.join(lines.map((line) => line.column)), at("chart"));
}

function drawLegend(lines) {
  const focused = document.activeElement?.dataset?.line;
  at("legend").replaceChildren();
  for (const line of lines) {
    const button = element("button", line.label, at("legend"));
    button.type = "button";
    button.dataset.line = line.label;
    button.style.borderColor = line.colour;
    button.setAttribute("aria-pressed", String(!hidden.has(line.label)));
    button.title = "hide or show";
    button.onclick = () => {
      if (!hidden.delete(line.label)) hidden.add(line.label);
      drawAgain();
    };
    if (focused === line.label) button.focus();
  }
}

function drawMarks(plot, lines, axis) {
  const { ctx, bbox } = plot;
  ctx.save();
  lines.forEach((line, index) => {
    if (line.isPlan || !plot.series[index + 1].show) return;
    const { run } = line;
    const deaths = (run.deaths ?? []).map((death) => ({ ...death, isDeath: true }));
    for (const event of [...run.events, ...deaths]) {
      const value = { step: event.step, epoch: event.epoch, time: event.time - run.points.time[0], images: event.step * run.config?.global_batch_size }[axis];
      const x = plot.valToPos(value ?? NaN, "x", true);
      if (!(x >= bbox.left && x <= bbox.left + bbox.width)) continue;
      ctx.strokeStyle = event.isDeath ? "#d00" : line.colour + "66";
      ctx.setLineDash(event.isDeath ? [] : [3, 4]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
  });
  ctx.restore();
}
