// What stands below the curves: notes, events, processes, parts of an update, samples, differences of configurations.
import { ask, at, duration, element, table } from "./dom.js";

const PART_BYTES = 4000000;

export function drawNotes(runs) {
  at("notes").replaceChildren();
  for (const run of runs) {
    if (run.note) element("li", `${run.name}: ${run.note}`, at("notes"));
    if (run.strange_rows) element("li", `${run.name}: ${run.strange_rows} rows are damaged or of another version, and left out`, at("notes"));
    if (run.size > run.read + PART_BYTES) element("li", `${run.name}: ${Math.floor((100 * run.read) / run.size)} % read`, at("notes"));
    const { plan, last } = run;
    if (plan && last !== undefined) {
      const next = plan.step.findIndex((step) => step >= last);
      const rate = plan.rate[next < 0 ? plan.rate.length - 1 : next];
      element("li", `${run.name}: step ${last} of ${plan.step.at(-1) + 1}, planned learning rate ${Number(rate.toPrecision(3))}`, at("notes"));
    }
  }
  const rows = runs.flatMap((run) => (run.events ?? []).slice(-10).map((event) => [run.name, event.kind, `${event.step}`, ""]));
  const deaths = runs.flatMap((run) => (run.deaths ?? []).map((death) => [run.name, "attempt failed", `${death.step ?? "-"}`, death.message]));
  table(at("events"), ["run", "event", "step", "what"], [...rows, ...deaths]);
}

export function drawRanks(runs) {
  const rows = [];
  for (const run of runs) {
    if (!run.ranks) continue;
    for (const rank of run.ranks.ranks) {
      const isBehind = rank.behind > 0 || run.ranks.ranks.length === 1;
      const state = run.ranks.is_stale ? `last seen ${rank.phase}` : rank.has_left ? "ended" : rank.phase;
      rows.push([run.name, `${rank.rank}`, rank.host, `${rank.step}`, state, run.ranks.ranks.every((one) => !one.behind) ? "-" : isBehind ? `others wait: ${rank.behind} behind` : "waits",
        duration(rank.idle), duration(rank.waited_for_data), `${(rank.memory / 2 ** 30).toFixed(2)} GiB`]);
    }
  }
  at("ranks-section").hidden = !rows.length;
  table(at("ranks"), ["run", "rank", "host", "step", "does", "who waits", "idle for", "waited for data", "memory"], rows);
}

export function drawParts(runs) {
  const rows = runs.filter((run) => run.parts?.sec_per_step).map((run) => {
    const { sec_per_step: step, wait_fraction: wait, ...work } = run.parts;
    const milliseconds = (value) => (value === undefined ? "-" : `${Number(value.toPrecision(3))} ms`);
    return [run.name, milliseconds(1000 * step), wait === undefined ? "-" : milliseconds(1000 * step * wait),
      wait === undefined ? "-" : milliseconds(1000 * step * (1 - wait)),
      milliseconds(work.decode_ms_per_image), milliseconds(work.augment_ms_per_image), milliseconds(work.collate_ms_per_image)];
  });
  at("parts-section").hidden = !rows.length;
  table(at("parts"), ["run", "update", "of it waiting for data", "computing and sums", "decode / image", "augment / image", "collate / image"], rows);
}

export async function drawSamples(run) {
  const parent = at("samples");
  parent.replaceChildren(element("p", `The newest checkpoint of ${run} looks at images ...`));
  const answer = await ask("/api/samples", { run });
  parent.replaceChildren();
  if (!answer.samples) {
    element("p", `${run}: ${answer.note}`, parent);
    return;
  }
  element("p", `${run}, ${answer.checkpoint}`, parent);
  for (const sample of answer.samples) {
    const figure = element("figure", undefined, parent);
    const image = element("img", undefined, figure);
    image.src = `data:image/png;base64,${sample.png}`;
    image.alt = sample.label;
    image.title = sample.where;
    const isRight = sample.classes[0].name === sample.label;
    const said = sample.classes.map((one) => `${one.name} ${(100 * one.probability).toFixed(1)} %`).join(", ");
    element("figcaption", `${isRight ? "✓" : "✗"} ${sample.label}: ${said}`, figure).className = isRight ? "" : "wrong";
  }
}

function flat(value, prefix, into) {
  for (const [key, item] of Object.entries(value)) {
    if (item !== null && typeof item === "object" && !Array.isArray(item)) flat(item, `${prefix}${key}.`, into);
    else into.set(prefix + key, JSON.stringify(item));
  }
  return into;
}

export function drawDifferences(runs) {
  const held = runs.filter((run) => run.config);
  const flats = held.map((run) => flat(run.config, "", new Map()));
  const keys = [...new Set(flats.flatMap((one) => [...one.keys()]))].sort();
  const rows = keys.map((key) => [key, ...flats.map((one) => one.get(key) ?? "-")]).filter((row) => new Set(row.slice(1)).size > 1);
  table(at("differences"), ["key", ...held.map((run) => run.name)], rows);
  if (!rows.length) element("p", held.length < 2 ? "Choose two runs or more." : "They do not differ.", at("differences"));
}
