import type { Browser, BrowserContext, Page } from 'playwright-core'

/** A page of its own, as a new user of the browser has it, and all that went wrong in it. */
export interface OpenPage {
  page: Page
  context: BrowserContext
  /** Scripts that ran though they must not, faults of the page, and what its policy has blocked. */
  faults: string[]
}

/** Texts of the console that a node which is gone, or has let nobody in, causes by itself. */
const EXPECTED = /^Failed to load resource: (net::ERR_CONNECTION|.* status of 401)/

export async function openPage(browser: Browser): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 900 } })
  context.setDefaultTimeout(10_000)
  const faults: string[] = []
  await context.exposeFunction('tellFault', (what: string) => {
    faults.push(what)
  })
  // The policy of the page cannot switch this off, and what it blocks is told here.
  await context.addInitScript(`
    addEventListener('securitypolicyviolation', (event) => {
      tellFault('blocked ' + event.violatedDirective + ' ' + event.blockedURI)
    })
  `)
  const page = await context.newPage()
  page.on('dialog', (dialog) => {
    faults.push(`dialog ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    if (!EXPECTED.test(message.text())) faults.push(`${message.type()} ${message.text()}`)
  })
  page.on('pageerror', (err) => {
    faults.push(`error ${err.message}`)
  })
  return { page, context, faults }
}

/** How much wider the page is than its window, in CSS pixels. */
export async function overflowOf(page: Page): Promise<number> {
  return await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
}
