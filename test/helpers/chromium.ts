import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'

/** Where Debian's package puts it. */
const PROGRAM = '/usr/bin/chromium'

export function hasChromium(): boolean {
  return existsSync(PROGRAM)
}

/** Says what is missing, and skips what wants it. */
export function needsChromium(context: Mocha.Context): void {
  if (hasChromium()) return
  process.stderr.write('    not installed, and not tested with: chromium\n')
  context.skip()
}

/** A real browser, without a window, that keeps nothing and reaches nothing but this machine. */
export async function startChromium(): Promise<Browser> {
  // As root its sandbox does not work, and containers run tests as root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const quiet = ['--disable-dev-shm-usage', '--disable-gpu', '--disable-background-networking']
  return await chromium.launch({ executablePath: PROGRAM, args: [...sandbox, ...quiet] })
}
