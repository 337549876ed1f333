import assert from 'node:assert/strict'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildOnDisk, bundleId } from '../../src/node/build-id.ts'
import { buildFindings } from '../../src/node/checks/process-checks.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

describe('build id', () => {
  const folder = tempFolder()

  async function put(path: string, text: string): Promise<void> {
    await mkdir(join(folder(), path, '..'), { recursive: true })
    await writeFile(join(folder(), path), text)
  }

  it('of a checkout changes with any of its sources', async () => {
    await put('src/cli/main.ts', 'a')
    await put('src/node/node.ts', 'b')
    const before = buildOnDisk(folder())
    assert.match(before ?? '', /^src-[0-9a-f]{12}$/)
    assert.equal(buildOnDisk(folder()), before)
    await utimes(join(folder(), 'src/node/node.ts'), 1, 1)
    assert.notEqual(buildOnDisk(folder()), before)
  })

  it('of a bundle is what was written beside it, and changes with what is in it', async () => {
    await put('dist/cli.js', 'a')
    const first = bundleId(join(folder(), 'dist'))
    await put('dist/build-id', `${first}\n`)
    assert.equal(buildOnDisk(folder()), first)
    await put('dist/chunks/b.js', 'b')
    assert.notEqual(bundleId(join(folder(), 'dist')), first)
  })

  it('is not known where there is neither', () => {
    assert.equal(buildOnDisk(folder()), undefined)
  })

  it('G05: warns when another build is on disk than runs, until a restart', async () => {
    await put('dist/build-id', 'aaaaaaaaaaaa\n')
    const onDisk = (): string | undefined => buildOnDisk(folder())
    const running = onDisk()
    assert.deepEqual(states(), ['ok'])
    await put('dist/build-id', 'bbbbbbbbbbbb\n')
    const [finding] = buildFindings({ build: running }, onDisk)
    assert.equal(finding?.state, 'warn')
    assert.match(finding.what, /aaaaaaaaaaaa runs, and bbbbbbbbbbbb is on disk/)
    assert.match(finding.hint ?? '', /^kith daemon restart/)
    // What a restart reads.
    assert.deepEqual(states(onDisk()), ['ok'])

    function states(build = running): string[] {
      return buildFindings({ build }, onDisk).map(({ state }) => state)
    }
  })
})
