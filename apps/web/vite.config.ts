import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const COMPRESSIBLE = /\.(?:js|css|html|svg|json)$/;
/** Below this a compressed copy saves no packet. */
const COMPRESS_BYTES_MIN = 1_000;

/** Writes `.br` and `.gz` beside every text file of the build, so that the server never compresses anything. */
function precompress(): Plugin {
  return {
    name: "wanhui-precompress",
    apply: "build",
    writeBundle(options, bundle) {
      const folder = options.dir ?? "dist";
      for (const name of Object.keys(bundle)) {
        if (!COMPRESSIBLE.test(name)) continue;
        const path = join(folder, name);
        const content = readFileSync(path);
        if (content.byteLength < COMPRESS_BYTES_MIN) continue;
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
        writeFileSync(
          `${path}.br`,
          brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
        );
      }
    },
  };
}

// Three pages, one build. The JSX of each entry folder is chosen by its own tsconfig.
export default defineConfig({
  root: import.meta.dirname,
  resolve: { conditions: ["wanhui-source", "module", "browser", "development|production"] },
  plugins: [precompress()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    // The pages' policy allows files of their own server only: nothing is written into them.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // Our packages only export: what a page does not use of them stays out of it.
      treeshake: { moduleSideEffects: (id) => !/\/packages\/[a-z]+\/src\//.test(id) },
      input: {
        venue: join(import.meta.dirname, "index.html"),
        studio: join(import.meta.dirname, "studio.html"),
        verify: join(import.meta.dirname, "verify.html"),
      },
    },
  },
});
