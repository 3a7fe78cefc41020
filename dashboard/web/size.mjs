// Fails when what a browser loads first, for any of the pages, is over the
// budget, gzip -9: index.html, app.js and all that these and the page import.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const budget = 60 * 1024, dist = new URL('../dist/', import.meta.url);
const read = (name) => readFileSync(new URL(name, dist));
const size = (name) => gzipSync(read(name), { level: 9 }).length;

function needs(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const css = name.replace(/\.js$/, '.css');
  if (existsSync(new URL(css, dist))) found.add(css);
  for (const [, other] of read(name).toString().matchAll(/(?:from|import)\s*["'`]\.\/([\w-]+\.js)["'`]/g)) needs(other, found);
  return found;
}

const first = needs('app.js', new Set(['index.html']));
const pages = readdirSync(dist).filter((name) => /^\w+\.js$/.test(name) && read('app.js').includes(`./${name}`) && !first.has(name));
let worst = 0;
for (const page of pages) {
  const files = [...needs(page, new Set(first))];
  const total = files.reduce((sum, name) => sum + size(name), 0);
  worst = Math.max(worst, total);
  console.log(`${page.padEnd(14)} ${String(total).padStart(6)} B of ${budget}: ${files.map((name) => `${name} ${size(name)}`).join(', ')}`);
}
if (pages.length === 0 || worst > budget) {
  console.error('over the budget');
  process.exit(1);
}
