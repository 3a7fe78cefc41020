import { defineConfig } from 'vite';
import { licences } from './licences.mjs';

// Where `npm run dev` finds the programs. The server only knows loopback names.
const relay = process.env.RELAY ?? 'http://127.0.0.1:9010';

export default defineConfig({
  base: './', // the dashboard may live below any path of a proxy
  plugins: [licences()],
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: ['chrome123', 'firefox120', 'safari17.5'], // light-dark()
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    sourcemap: false,
    rollupOptions: {
      output: { entryFileNames: 'app.js', chunkFileNames: '[name].js', assetFileNames: (file) => (file.names[0]?.endsWith('.css') ? 'app.css' : '[name][extname]') },
    },
  },
  server: { proxy: { '/api': { target: relay, changeOrigin: true, ws: true, headers: { Origin: relay } } } },
  test: { environment: 'happy-dom', include: ['test/**/*.test.{ts,tsx}'] },
} as never);
