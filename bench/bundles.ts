import { bundle, FUNCTIONS } from '../constructs/bundle';

/** Prints how large each function's bundle is and what it holds: `npm run bench`. */
function main(): void {
  const { functions, metafile } = bundle();
  console.log('\nBundles, minified:\n');
  console.log('| function | KB | AWS clients | largest parts (KB) |');
  console.log('| --- | --- | --- | --- |');
  for (const name of FUNCTIONS) {
    const output = Object.entries(metafile.outputs).find(([file]) => file.endsWith(`${name}.js`))?.[1];
    const sizes = new Map<string, number>();
    for (const [file, { bytesInOutput }] of Object.entries(output?.inputs ?? {})) {
      const part = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? 'this project';
      sizes.set(part, (sizes.get(part) ?? 0) + bytesInOutput);
    }
    const parts = [...sizes].filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a);
    const clients = parts.map(([part]) => /^@aws-sdk\/client-(.+)$/.exec(part)?.[1]).filter(Boolean);
    const largest = parts.slice(0, 4).map(([part, bytes]) => `${part} ${kilobytes(bytes)}`);
    console.log(
      `| ${name} | ${kilobytes(functions[name].code.length)} | ${clients.sort().join(', ')} | ${largest.join(', ')} |`,
    );
  }
}

const kilobytes = (bytes: number) => (bytes / 1000).toFixed(0);

main();
