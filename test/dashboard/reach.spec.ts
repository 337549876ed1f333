import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { eventually } from '../helpers/eventually.ts'
import { overflowOf } from './open-page.ts'
import { watchedPage } from './watched-page.ts'

/** What a person operates, by its role in the accessibility tree. */
const CONTROLS = ['button', 'link', 'textbox', 'DisclosureTriangle', 'meter', 'log', 'region']

/** Contrast that text of this size has to have (WCAG 2.2, success criterion 1.4.3). */
const CONTRAST = 4.5

interface AxNode {
  ignored: boolean
  role?: { value?: string }
  name?: { value?: string }
}

describe('the dashboard, by whoever looks at it and whoever writes into it', function () {
  this.timeout(30_000)
  const open = watchedPage()
  let page: Page
  let faults: string[]

  before(async () => {
    const opened = open()
    ;({ faults, page } = opened)
    await opened.watched.parkedHostile()
    await page.getByRole('button', { name: /^Open the ask from alice/ }).click()
    await page.getByRole('button', { name: /^Pause … sweep/ }).click()
    await page.getByRole('log').waitFor()
  })

  it('shows what a peer writes as a text, without what is invisible or turns it around', async () => {
    const question = page.locator('.question')
    await question.getByText('<script>alert(2)</script>').waitFor()
    const shown = await page.locator('body').innerText()
    assert.match(shown, /<img src=x onerror="alert\(1\)">/)
    assert.doesNotMatch(shown, /[\u001B\u0007\u202E]/)
    assert.doesNotMatch(await question.innerText(), /owned/)
    const made = await page.evaluate(
      () => document.querySelectorAll('#page script, #page img, #page iframe').length,
    )
    assert.equal(made, 0)
  })

  it('shows a very long word of a peer in its place', async () => {
    const box = await page.locator('.question').boundingBox()
    const around = await page.locator('#asks').boundingBox()
    assert.ok(box !== null && around !== null)
    assert.ok(box.width <= around.width && box.height < 400)
  })

  it('runs no script and loads no picture that somebody has put into it', async () => {
    await page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'document.title = "owned"'
      const image = document.createElement('img')
      image.src = 'http://127.0.0.2/'
      document.body.append(script, image)
    })
    await eventually(() => {
      const blocked = faults.filter((fault) => fault.startsWith('blocked '))
      assert.deepEqual(blocked.sort(), [
        'blocked img-src http://127.0.0.2/',
        'blocked script-src-elem inline',
      ])
    })
    assert.notEqual(await page.title(), 'owned')
    faults.splice(0)
    await page.evaluate(() => {
      document.body.lastChild?.remove()
    })
  })

  it('has landmarks, one heading above all, and no level left out', async () => {
    for (const role of ['banner', 'navigation', 'main', 'contentinfo'] as const) {
      assert.equal(await page.getByRole(role).count(), 1, role)
    }
    const levels = await page.evaluate(() =>
      [...document.querySelectorAll('h1, h2, h3, h4')].map(({ tagName }) => Number(tagName[1])),
    )
    assert.equal(levels.filter((level) => level === 1).length, 1)
    const jumps = levels.filter((level, nth) => level > (levels[nth - 1] ?? 0) + 1)
    assert.deepEqual(jumps, [])
  })

  it('has a name for everything that can be operated', async () => {
    const session = await page.context().newCDPSession(page)
    const { nodes } = (await session.send('Accessibility.getFullAXTree')) as { nodes: AxNode[] }
    const controls = nodes.filter(
      ({ ignored, role }) => !ignored && CONTROLS.includes(role?.value ?? ''),
    )
    const roles = new Set(controls.map(({ role }) => role?.value ?? ''))
    for (const role of CONTROLS) assert.ok(roles.has(role), role)
    const nameless = controls.filter(({ name }) => (name?.value ?? '').trim() === '')
    assert.deepEqual(nameless, [])
  })

  it('names each button by what it says and what it is about', async () => {
    const unlike = await page.evaluate(() =>
      [...document.querySelectorAll('button')]
        .map((button) => [button.innerText.trim(), button.getAttribute('aria-label') ?? ''])
        .filter(([text = '', name = '']) => !name.startsWith(text)),
    )
    // Speech input finds a button by what can be read on it (WCAG 2.2, success criterion 2.5.3).
    assert.deepEqual(unlike, [])
  })

  for (const width of [360, 768, 1_920]) {
    it(`fits a window of ${width} pixels`, async () => {
      await page.setViewportSize({ width, height: 800 })
      assert.deepEqual(await page.evaluate(wideOnes), [])
      assert.ok((await overflowOf(page)) <= 0)
    })
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`can be read when it is ${colorScheme}`, async () => {
      await page.emulateMedia({ colorScheme })
      const faint = await page.evaluate(contrasts)
      assert.ok(faint.length > 50)
      assert.deepEqual(
        faint.filter(([, ratio]) => ratio < CONTRAST),
        [],
      )
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      const [light = 0] = (ground.match(/\d+/g) ?? []).map(Number)
      assert.equal(light > 128, colorScheme === 'light')
    })
  }

  it('moves nothing for whoever wants that', async () => {
    const duration = (): Promise<string> =>
      page.evaluate(() => {
        const bar = document.querySelector('.track div')
        return bar === null ? '' : getComputedStyle(bar).transitionDuration
      })
    assert.equal(await duration(), '0.3s')
    await page.emulateMedia({ reducedMotion: 'reduce' })
    assert.equal(await duration(), '0s')
  })

  it('asks the node for nothing while nobody looks', async () => {
    const { promise: answered, resolve } = Promise.withResolvers<unknown>()
    const hide = (hidden: boolean): Promise<void> =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, hidden)
    await hide(true)
    // What was asked before is answered; then a whole round of the page goes by.
    await page.waitForLoadState('networkidle')
    let asked = 0
    const count = (): void => {
      asked++
      resolve(undefined)
    }
    page.on('request', count)
    await page.evaluate(() => new Promise((done) => setTimeout(done, 1_600)))
    assert.equal(asked, 0)
    await hide(false)
    await answered
    page.off('request', count)
  })

  it('is worked with the keyboard alone, from the first key to an answer', async () => {
    await page.setViewportSize({ width: 1_280, height: 900 })
    await page.reload()
    await page
      .getByRole('button', { name: /^Deny/ })
      .and(page.locator(':not([aria-disabled])'))
      .waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await focusedText(page), 'Skip to the content')
    await page.keyboard.press('Enter')
    const seen: string[] = []
    while (seen.at(-1) !== 'Deny') {
      await page.keyboard.press('Tab')
      seen.push(await focusedText(page))
      assert.ok(seen.length < 40, seen.join(', '))
    }
    assert.ok(seen.includes('Allow once'))
    await page.keyboard.press('Space')
    await page.getByText('Nothing waits for you.').waitFor()
  })
})

async function focusedText(page: Page): Promise<string> {
  return await page.evaluate(() => document.activeElement?.textContent ?? '')
}

/** What reaches beyond the window and is in nothing that scrolls by itself. */
function wideOnes(): string[] {
  const scrolls = (element: Element): boolean =>
    getComputedStyle(element).overflowX === 'auto' ||
    (element.parentElement !== null && scrolls(element.parentElement))
  return [...document.querySelectorAll('#page *')]
    .filter((element) => {
      const { left, right } = element.getBoundingClientRect()
      return (left < 0 || right > window.innerWidth) && !scrolls(element)
    })
    .map(({ className, tagName, textContent }) => `${tagName}.${className} ${textContent}`)
}

/** Each element with a text of its own, and the contrast of that text (WCAG 2.2, relative luminance). */
function contrasts(): [text: string, ratio: number][] {
  const channels = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = (color: string): number => {
    const [red = 0, green = 0, blue = 0] = channels(color)
      .slice(0, 3)
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const groundOf = (element: Element): string => {
    const { backgroundColor } = getComputedStyle(element)
    if ((channels(backgroundColor)[3] ?? 1) === 1) return backgroundColor
    return element.parentElement === null ? 'rgb(255, 255, 255)' : groundOf(element.parentElement)
  }
  return [...document.querySelectorAll('#page *')]
    .filter((element) =>
      [...element.childNodes].some((node) => node instanceof Text && node.data.trim() !== ''),
    )
    .filter((element) => element.closest('[aria-disabled]') === null)
    .map((element) => {
      const one = luminance(getComputedStyle(element).color)
      const other = luminance(groundOf(element))
      const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
      return [element.textContent.slice(0, 40), Math.round(ratio * 100) / 100]
    })
}
