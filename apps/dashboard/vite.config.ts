import { defineConfig } from 'vite';

export default defineConfig({
  // Relative, so that the page also works below a path, behind a proxy.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // The service's CSP allows neither data: styles nor inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // What pages share comes in one file, instead of in twenty that each page would have to wait for.
        codeSplitting: {
          groups: [{ name: 'shared', test: /src\/(parts|data|charts\/(?!uplot)|clock|format)/ }],
        },
      },
    },
  },
  // `npx vite apps/dashboard` beside a running `npm start`.
  server: { proxy: { '/v1': 'http://127.0.0.1:7070' } },
});
