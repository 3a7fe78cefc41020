// The programs, as processes of their own.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';

const BIN = resolve(process.env.BIN ?? join(import.meta.dirname, '../../../bin'));
export const PATIENCE = Number(process.env.PATIENCE ?? 60_000); // ms that anything may take on a slow and busy machine

const all = new Set(); // processes that were started here

// Program is one of bin/, with nothing in its environment but what it is given.
export class Program {
  output = '';
  ended = null; // resolves to the exit code, null after a signal

  constructor(name, { env = {}, args = [] } = {}) {
    Object.assign(this, { name, env, args });
  }

  start() {
    const child = this.child = spawn(join(BIN, this.name), this.args, { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...this.env }, cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { this.output = (this.output + text).slice(-1e5); });
    this.ended = new Promise((ended, failed) => {
      child.on('error', failed);
      child.on('exit', ended);
    });
    this.ended.catch(() => {}); // whoever waits for it is told
    all.add(this);
    return this;
  }

  get running() { return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null; }

  // signal returns when the process has ended; SIGSTOP and SIGCONT do not end it.
  async signal(name) {
    if (!this.running) return;
    this.child.kill(name);
    if (!/STOP|CONT/.test(name)) await this.ended;
  }
  kill() { return this.signal('SIGKILL'); }
  stop() { return this.signal('SIGTERM'); }

  // says waits for something in the output and returns its match.
  says(pattern) {
    return until(`${this.name} says ${pattern}`, () => {
      const found = pattern.exec(this.output);
      if (!found && !this.running) throw new Error(`${this.name} ended, code ${this.child.exitCode}:\n${this.output}`);
      return found;
    });
  }

  // answers waits until url is answered with success.
  async answers(url) {
    await until(`${this.name} answers at ${url}`, async () => {
      if (!this.running) throw new Error(`${this.name} ended, code ${this.child.exitCode}:\n${this.output}`);
      return (await fetch(url).catch(() => null))?.ok;
    });
    return this;
  }

  // cpu is how many seconds of a core the process has used.
  async cpu() {
    const { readFile } = await import('node:fs/promises');
    const fields = (await readFile(`/proc/${this.child.pid}/stat`, 'utf8')).split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100; // ticks of user and system, 100 a second
  }
}

const killAll = () => all.forEach((p) => p.running && p.child.kill('SIGKILL'));
after(async () => {
  killAll();
  await Promise.allSettled([...all].map((p) => p.ended));
});
process.on('exit', killAll);
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => process.exit(1));

// until waits for a condition; what it returns is the first true value.
export async function until(what, condition, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${patience / 1000} s: ${what}`);
    await new Promise((soon) => setTimeout(soon, 50));
  }
}

// folder is a temporary one.
export function folder() {
  const dir = mkdtempSync(join(tmpdir(), 'lagermeister-browser-'));
  after(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

// Ports that stay ours when a program is started again: below those that the
// kernel gives away, in blocks that belong to whoever listens on their first.
let next = 0, end = 0;
export async function freePort() {
  for (;;) {
    if (next === end) {
      const first = 12000 + 50 * Math.floor(Math.random() * 100);
      if (!await listens(first, true)) continue;
      [next, end] = [first + 1, first + 50];
    }
    const port = next++;
    if (await listens(port)) return port;
  }
}

const listens = (port, keep = false) => new Promise((done) => {
  const server = createServer().unref().on('error', () => done(false));
  server.listen(port, '127.0.0.1', () => (keep ? done(true) : server.close(() => done(true))));
});
