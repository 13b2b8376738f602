// What all parts of the page share: elements, requests, tables. Text of a run reaches the document as text only.
export const at = (id) => document.getElementById(id);

export function element(tag, text, parent) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

export async function ask(path, query) {
  try {
    const answer = await fetch(path + "?" + new URLSearchParams(query));
    return await answer.json();
  } catch {
    return { note: "the server of this page does not answer" };
  }
}

export async function wish(run, action) {
  try {
    const answer = await fetch("/api/control", { method: "POST", body: JSON.stringify({ run, action }) });
    return (await answer.json()).note;
  } catch {
    return "the server of this page does not answer";
  }
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "-";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${(whole / 3600).toFixed(1)} h`;
}

export function table(parent, head, rows) {
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
