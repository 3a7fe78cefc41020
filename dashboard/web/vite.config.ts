import { defineConfig } from 'vite';
import { licences } from './licences.mjs';
import { uplotCut } from './uplot.mjs';

// Where `npm run dev` finds the programs. The server only knows loopback names.
const relay = process.env.RELAY ?? 'http://127.0.0.1:9010';

export default defineConfig({
  base: './', // the dashboard may live below any path of a proxy
  plugins: [licences(), uplotCut()],
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: ['chrome123', 'firefox120', 'safari17.5'], // light-dark()
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: false,
    assetsInlineLimit: 0,
    sourcemap: false,
    rolldownOptions: {
      output: {
        entryFileNames: 'app.js',
        chunkFileNames: (chunk: { name: string; facadeModuleId?: string | null }) => `${/src\/pages\/(\w+)\//.exec(chunk.facadeModuleId ?? '')?.[1] ?? chunk.name}.js`,
        assetFileNames: (file: { names: string[]; originalFileNames: string[] }) => `${/src\/pages\/(\w+)\//.exec(file.originalFileNames[0] ?? '')?.[1] ?? (file.names[0] ?? '').replace(/^index\./, 'app.').replace(/\.\w+$/, '')}[extname]`,
        // A page is one file, named after its folder; what pages share is in core.js,
        // charts, half of all the code, in chart.js, and lists of records in rows.js.
        codeSplitting: {
          groups: [
            { name: 'core', test: /node_modules\/preact|src\/core\/(?!spec|record)|src\/ui\/(Panel|Shell|Table|icons|parts)|preload-helper/, priority: 3 },
            { name: 'rows', test: /src\/core\/(spec|record)|src\/ui\/(VirtualRows|Fields)/, priority: 2 },
            { name: 'chart', test: /node_modules\/uplot|src\/ui\/(Chart|Plot|options|marks|scales|color|lines)/, priority: 2 },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': { target: relay, changeOrigin: true, ws: true, headers: { Origin: relay } } } },
  test: { environment: 'happy-dom', setupFiles: ['test/setup.ts'], include: ['test/**/*.test.{ts,tsx}'], testTimeout: 30_000 },
} as never);
