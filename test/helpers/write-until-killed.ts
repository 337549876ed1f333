import { writePrivateFile } from '../../src/store/atomic-file.ts'

/*
 * Writes a JSON file over and over, each time longer or shorter than before, until it is killed. Says `ready` once the
 * first one is there.
 */
const [path = ''] = process.argv.slice(2)
for (let count = 0; ; count++) {
  const state = { count, filler: 'x'.repeat((count * 7_919) % 65_536), end: count }
  await writePrivateFile(path, Buffer.from(JSON.stringify(state)))
  if (count === 0) process.stdout.write('ready\n')
}
