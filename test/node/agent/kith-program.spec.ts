import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { kithProgram } from '../../../src/node/agent/kith-program.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('the program that this node is', () => {
  const folder = tempFolder()

  it('is found in this checkout', () => {
    const script = fileURLToPath(new URL('../../../bin/kith.js', import.meta.url))
    assert.deepEqual(kithProgram(), [process.execPath, script])
  })

  for (const file of ['src/node/agent/kith-program.ts', 'dist/cli.js', 'dist/chunks/engines.js']) {
    it(`is found from ${file}`, async () => {
      const script = join(folder(), 'bin/kith.js')
      await mkdir(dirname(script))
      await writeFile(script, '')
      const from = pathToFileURL(join(folder(), file)).href
      assert.deepEqual(kithProgram(from), [process.execPath, script])
    })
  }

  it('is a fault of ours where it is not', () => {
    const from = pathToFileURL(join(folder(), 'dist/cli.js')).href
    assert.throws(() => kithProgram(from), TypeError)
  })
})
