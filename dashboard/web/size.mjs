// Fails when what a browser loads first is over the budget, gzip -9.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const budget = 60 * 1024, warn = 50 * 1024;
let total = 0;
for (const name of ['index.html', 'app.js', 'app.css']) {
  const size = gzipSync(readFileSync(`../dist/${name}`), { level: 9 }).length;
  console.log(`${name.padEnd(12)} ${String(size).padStart(7)} B gzip`);
  total += size;
}
console.log(`${'total'.padEnd(12)} ${String(total).padStart(7)} B gzip, budget ${budget}`);
if (total > budget) process.exit(1);
if (total > warn) console.log('warning: less than 10 KB of the budget are left');
