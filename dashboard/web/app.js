// The first page: live figures from /messages, and search. Text from events and
// records is only ever set as text, never as markup.
"use strict";

const $ = (id) => document.getElementById(id);
const span = 300; // seconds of history that are kept and drawn
const series = new Map(); // "metric sender source" -> {event, seen, points: Map(second -> value)}
let paused = false;

// ---- the connection ----

let socket, retry = 250, lastHeard = 0;

function connect() {
  const url = new URL("messages", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url);
  socket.onopen = () => { retry = 250; lastHeard = Date.now(); say("good", "Live"); };
  socket.onmessage = (m) => { lastHeard = Date.now(); take(m.data); };
  socket.onclose = () => {
    const wait = retry * (0.5 + Math.random());
    retry = Math.min(retry * 2, 10000);
    say("bad", `Disconnected · retry in ${Math.max(1, Math.round(wait / 1000))} s`);
    setTimeout(connect, wait);
  };
}

function say(kind, text) {
  $("state").className = "pill " + kind;
  $("state").textContent = text;
  document.body.classList.toggle("stale", kind === "bad");
}

async function askStatus() {
  let reasons = [];
  try {
    const answer = await fetch("api/v2/status");
    if (answer.status === 401) { location.reload(); return; }
    reasons = (await answer.json()).not_ready;
  } catch { /* the pill says that we are disconnected */ }
  $("problems").hidden = reasons.length === 0;
  $("problems").textContent = "Needs attention: " + reasons.join("; ");
}

// ---- events ----

function take(data) {
  let e;
  try { e = JSON.parse(data); } catch { return; }
  if (!e || typeof e.Value !== "number" || !e.MetricType) return;
  const key = [e.MetricType, e.Sender || "", e.SourceIP || ""].join("\u0000");
  let s = series.get(key);
  if (!s) {
    if (series.size >= 1000) return;
    series.set(key, s = { points: new Map() });
  }
  s.event = e;
  s.seen = e.Timestamp * 1000;
  s.points.set(e.Timestamp, e.Value);
  if (s.points.size > span + 30) s.points.delete(s.points.keys().next().value);
}

const isOutput = (s) => /output|subscriber|hub/.test(s.event.Sender);
const of = (metric, keep = () => true) => [...series.values()].filter((s) => s.event.MetricType === metric && keep(s));
const sum = (values) => values.reduce((a, b) => a + b, 0);
const mean = (values) => sum(values) / values.length;

// fold gives one value a second, null where no one reported.
function fold(list, how, now) {
  const line = [];
  for (let t = now - span; t < now; t++) {
    const values = list.map((s) => s.points.get(t)).filter((v) => v !== undefined);
    line.push(values.length ? how(values) : null);
  }
  return line;
}

// ---- drawing ----

const format = (v) => v === null || v === undefined ? "–" : v >= 100 ? Math.round(v).toLocaleString("en") : String(Math.round(v * 10) / 10);

function figure(id, line) {
  const recent = line.slice(-4).filter((v) => v !== null);
  $(id).textContent = format(recent.length ? recent[recent.length - 1] : null);
  const canvas = $(id + "-chart"), ratio = devicePixelRatio || 1;
  const w = canvas.width = canvas.clientWidth * ratio, h = canvas.height = canvas.clientHeight * ratio;
  const ctx = canvas.getContext("2d");
  const top = Math.max(1, ...line.filter((v) => v !== null));
  ctx.strokeStyle = getComputedStyle(document.body).getPropertyValue("color");
  ctx.lineWidth = 1.5 * ratio;
  ctx.beginPath();
  let pen = false; // gaps stay gaps
  line.forEach((v, i) => {
    if (v === null) { pen = false; return; }
    const x = i / (line.length - 1) * w, y = h - 2 - v / top * (h - 4);
    if (pen) ctx.lineTo(x, y); else ctx.moveTo(x - 1, y), ctx.lineTo(x, y);
    pen = true;
  });
  ctx.stroke();
}

function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  return s < 2 ? "now" : s < 120 ? `${s} s ago` : s < 7200 ? `${Math.round(s / 60)} min ago` : `${Math.round(s / 3600)} h ago`;
}

function cell(row, text, kind) {
  const td = row.insertCell();
  td.textContent = text;
  if (kind) td.className = kind;
  return td;
}

function draw() {
  if (paused || document.hidden) return;
  const now = Math.floor(Date.now() / 1000);
  figure("received", fold(of("Throughput", (s) => !isOutput(s)), sum, now));
  figure("delivered", fold(of("Throughput", isOutput), sum, now));
  const lags = of("Lag");
  figure("lag", fold(lags, (v) => Math.max(...v), now));
  figure("batch", fold(of("BatchSize"), mean, now));
  let level = "";
  for (const s of lags) {
    const limit = s.event.Threshold;
    if (!limit || now - s.seen / 1000 > 10) continue;
    if (s.event.Value >= limit.Error) level = "bad"; else if (s.event.Value >= limit.Warn && !level) level = "warn";
  }
  $("lag-card").className = level;

  if (series.size) {
    const body = document.createElement("tbody");
    body.id = "senders";
    for (const key of [...series.keys()].sort()) {
      const { event, seen } = series.get(key), row = body.insertRow(), old = Date.now() - seen;
      cell(row, event.SourceIP ? `${event.Sender} (${event.SourceIP})` : event.Sender);
      cell(row, event.MetricType);
      cell(row, format(event.Value), "number");
      cell(row, age(old), "number " + (old > 60000 ? "bad" : old > 10000 ? "warn" : ""));
    }
    $("senders").replaceWith(body);
  }
  if (socket && socket.readyState === WebSocket.OPEN) {
    say("good", !series.size ? "Connected, no events yet" : Date.now() - lastHeard > 5000 ? `Live · silent for ${Math.round((Date.now() - lastHeard) / 1000)} s` : "Live");
  }
}

// ---- search ----

let query = null, cursor = "", shown = 0;

async function find(more) {
  if (!more) {
    query = new URLSearchParams([...new FormData($("search"))].filter(([, v]) => v.trim() !== ""));
    query.set("limit", "100");
    cursor = ""; shown = 0;
    $("records").replaceChildren();
  }
  const ask = new URLSearchParams(query);
  if (cursor) ask.set("cursor", cursor);
  $("mistake").hidden = true;
  $("more").hidden = true;
  $("found").textContent = "Searching…";
  let answer, body;
  try {
    answer = await fetch("api/v2/search?" + ask);
    body = await answer.json();
  } catch (err) {
    $("found").textContent = "No answer: " + err.message;
    return;
  }
  if (!answer.ok) {
    $("found").textContent = body.excerpt ? body.title || "" : body.detail || "";
    $("mistake").textContent = body.excerpt ? body.excerpt + "\nexpected " + (body.expected || "") : "";
    $("mistake").hidden = !body.excerpt;
    return;
  }
  shown += body.records.length;
  for (const r of body.records) {
    const row = $("records").insertRow(), d = r.doc || {}, text = String(d.message ?? JSON.stringify(d));
    cell(row, String(d["@timestamp"] || r.time).replace("T", " ").slice(0, 23));
    cell(row, d["log.syslog.severity.code"] ?? "", "number");
    cell(row, d["host.name"] ?? "");
    cell(row, d["event.dataset"] ?? "");
    cell(row, text.length > 2048 ? text.slice(0, 2048) + "…" : text).title = JSON.stringify(d, null, 1).slice(0, 4096);
  }
  cursor = body.next;
  const total = (body.total_is === "exact" ? "" : "at least ") + body.total.toLocaleString("en");
  $("found").textContent = `${shown} of ${total} records` + (body.partial ? ` · stopped after looking at ${body.examined.toLocaleString("en")}` : "");
  $("more").hidden = !cursor;
  $("more").textContent = body.partial ? "Go on searching" : "Older records";
}

$("search").onsubmit = (e) => { e.preventDefault(); find(false); };
$("more").onclick = () => find(true);
$("pause").onclick = () => { paused = !paused; $("pause").textContent = paused ? "Resume" : "Pause"; draw(); };

connect();
askStatus();
setInterval(askStatus, 5000);
setInterval(draw, 1000);
draw();
