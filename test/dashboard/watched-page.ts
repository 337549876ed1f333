import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { needsChromium, startChromium } from '../helpers/chromium.ts'
import { liveNodes } from '../helpers/live-node.ts'
import { openPage } from './open-page.ts'
import type { OpenPage } from './open-page.ts'
import { WatchedNode } from './watched-node.ts'

/** A node, and its dashboard in a browser. */
export interface WatchedPage extends OpenPage {
  browser: Browser
  watched: WatchedNode
}

/** One for all tests of this suite, ended after them. A fault of the page fails the test in which it came. */
export function watchedPage(): () => WatchedPage {
  const make = liveNodes()
  let opened: WatchedPage | undefined
  let end: (() => Promise<void>)[] = []

  before(async function () {
    needsChromium(this)
    const browser = await startChromium()
    end.push(() => browser.close())
    const watched = await WatchedNode.start(make)
    end.push(() => watched.stop())
    opened = { ...(await openPage(browser)), browser, watched }
    await opened.page.goto(await watched.link())
    await opened.page.getByRole('region', { name: 'This node' }).waitFor()
  })
  afterEach(() => {
    assert.deepEqual(opened?.faults, [])
  })
  after(async () => {
    for (const step of end) await step()
    end = []
  })

  return () => {
    assert.ok(opened)
    return opened
  }
}
