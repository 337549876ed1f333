/** Makes the pictures in `docs/dashboard/` anew: a node in the middle of its day, as its dashboard shows it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChromium } from '../helpers/chromium.ts'
import { ROOT } from '../helpers/imports.ts'
import { LiveNode } from '../helpers/live-node.ts'
import { WatchedNode } from './watched-node.ts'

/** Name, size of the window, how it looks, and pixels of the picture for one of the window: it is to stay small. */
const SHOTS = [
  ['wide-light', 1_280, 1_080, 'light', 0.75],
  ['wide-dark', 1_280, 1_080, 'dark', 0.75],
  ['narrow', 360, 900, 'light', 1],
] as const

const folder = await mkdtemp(join(tmpdir(), 'kith-pictures-'))
const nodes: LiveNode[] = []
const browser = await startChromium()
try {
  const watched = await WatchedNode.start(async (name, init) => {
    const node = await LiveNode.make(folder, name, init)
    nodes.push(node)
    return node
  })
  await watched.liveThroughADay()
  for (const [name, width, height, colorScheme, deviceScaleFactor] of SHOTS) {
    const viewport = { width, height }
    const page = await browser.newPage({ viewport, colorScheme, deviceScaleFactor })
    await page.goto(await watched.link())
    await page.getByText('as written').waitFor()
    if (name !== 'narrow') {
      await page.getByRole('button', { name: 'Open the ask from alice, done' }).first().click()
      await page.getByRole('log').getByText('Three').waitFor()
    }
    await page.getByRole('button', { name: /^Deny/, disabled: false }).waitFor()
    await page.evaluate(() => {
      scrollTo(0, 0)
    })
    await page.screenshot({ path: join(ROOT, `docs/dashboard/${name}.png`) })
    await page.close()
  }
  await watched.stop()
} finally {
  await browser.close()
  await Promise.all(nodes.map((node) => node.kill()))
  await rm(folder, { recursive: true, force: true })
}
