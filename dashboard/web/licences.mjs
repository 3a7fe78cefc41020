// Writes dist/LICENSES.txt: what of others is in app.js, word for word.
import { readFileSync } from 'node:fs';

const packages = ['preact', 'uplot'];

export function licences() {
  return {
    name: 'licences',
    apply: 'build',
    generateBundle() {
      const source = packages
        .map((name) => {
          const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'));
          return `${name} ${version}\n\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8').trim()}\n`;
        })
        .join('\n----\n\n');
      this.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source });
    },
  };
}
