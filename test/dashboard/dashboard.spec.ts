import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { eventually } from '../helpers/eventually.ts'
import { openPage } from './open-page.ts'
import type { WatchedNode } from './watched-node.ts'
import { watchedPage } from './watched-page.ts'

describe('the dashboard', function () {
  this.timeout(30_000)
  const open = watchedPage()
  let watched: WatchedNode
  let browser: Browser
  let page: Page
  let pageFaults: string[]
  before(() => {
    ;({ browser, faults: pageFaults, page, watched } = open())
  })

  function section(name: string): Locator {
    return page.getByRole('region', { name: new RegExp(`^${name}`) })
  }

  function rowOf(sectionName: string, heading: string): Locator {
    const title = page.getByRole('heading', { name: heading, exact: true })
    return section(sectionName).getByRole('listitem').filter({ has: title })
  }

  /** A button of the page, once it takes a press. */
  async function press(
    name: string | RegExp,
    within: Locator = page.locator('body'),
  ): Promise<void> {
    const button = within.getByRole('button', { name }).first()
    await button.and(page.locator(':not([aria-disabled])')).click()
  }

  async function fails(text: RegExp): Promise<void> {
    await page.getByRole('alert').filter({ hasText: text }).waitFor()
  }

  it('says what to type to whoever was not let in, and to whoever has a used link', async () => {
    const { context, faults, page: stranger } = await openPage(browser)
    const { origin } = new URL(page.url())
    for (const url of [origin, `${origin}/#code=used-before`]) {
      await stranger.goto('about:blank')
      await stranger.goto(url)
      await stranger.getByText('kith dashboard').waitFor()
      assert.equal(await stranger.getByRole('region').count(), 0)
    }
    assert.deepEqual(faults, [])
    await context.close()
  })

  it('takes its code out of the address, and is still let in when it is loaded anew', async () => {
    assert.equal(new URL(page.url()).hash, '')
    await page.reload()
    await section('This node').getByText(watched.node.id).waitFor()
  })

  it('shows who the node is, how it is, and what it runs', async () => {
    const node = section('This node')
    const { health, software, words } = await watched.node.status()
    for (const text of [watched.node.id, words.join(' '), software, health]) {
      await node.getByText(text).first().waitFor()
    }
    await node.getByText('Addresses and process').click()
    await node.getByText(watched.node.address).waitFor()
    await node.getByRole('heading', { name: 'Components' }).waitFor()
    await node.getByText(/^.?\d+ ready$/).waitFor()
  })

  it('shows first what is wrong, with what to type next', async () => {
    const first = page.getByRole('main').getByRole('region').first()
    await first.getByRole('heading', { name: /^Needs attention/ }).waitFor()
    await first.getByText('kith peers show attic').waitFor()
  })

  it('shows each peer with its colour as a word, and sees it go and come back', async () => {
    const green = rowOf('Peers', 'alice').getByText('green', { exact: true })
    await rowOf('Peers', 'attic').getByText('never seen', { exact: true }).waitFor()
    await green.waitFor()
    await watched.alice.stop()
    await watched.node.client.call('fleet', { fresh: true })
    await rowOf('Peers', 'alice').getByText('unreachable', { exact: true }).waitFor()
    await watched.alice.start()
    await eventually(async () => {
      const { rows } = await watched.node.client.call('fleet', { fresh: true })
      assert.equal(rows.find(({ name }) => name === 'alice')?.state, 'green')
    })
    await green.waitFor()
  })

  it('shows an answer as it comes, piece by piece, and cancels its ask', async () => {
    watched.model.reply({ kind: 'stall', text: 'the first half of it' })
    const ask = await watched.alice.submit(watched.node, 'tell me all of it')
    await press(/^Open the ask from alice, running/)
    const open = section('Asks')
    await open.getByText('tell me all of it').waitFor()
    const log = open.getByRole('log', { name: 'Answer' })
    await log.getByText('the first half of it').waitFor()
    assert.equal(await log.getAttribute('aria-busy'), 'true')
    await press('Cancel the ask from alice', open)
    await open.locator('[aria-busy=false]').waitFor()
    assert.equal((await watched.node.client.call('showAsk', { ask })).state, 'cancelled')
    await page.getByRole('status').filter({ hasText: 'is cancelled' }).waitFor()
    await open.getByRole('button', { name: /^Close the ask/ }).press('Escape')
    await log.waitFor({ state: 'detached' })
  })

  it('shows an answer that grows, and says when it is whole', async () => {
    const { promise: when, resolve } = Promise.withResolvers<undefined>()
    watched.model.reply({ kind: 'text', text: 'all of it', pieceChars: 3, when })
    const answer = watched.alice.ask(watched.node, 'go on')
    await press(/^Open the ask from alice, (claimed|running)/)
    resolve(undefined)
    await section('Asks').getByRole('log').getByText('all of it').waitFor()
    await page.locator('#told').getByText('The answer is whole').waitFor({ state: 'attached' })
    assert.equal((await answer).text, 'all of it')
    await press(/^Close the ask from alice/, section('Asks'))
  })

  it('shows what waits for a person as kith approvals does, and lets the ask go on', async () => {
    const { approval, ask, what } = await watched.parked()
    const answer = watched.alice.answer(ask)
    const { details = '' } = await watched.node.client.call('showApproval', { approval })
    const card = rowOf('Approvals', what)
    await card.waitFor()
    for (const text of [approval, ask, 'edit_file, which is one of write', 'for alice']) {
      assert.ok((await card.innerText()).includes(text), text)
    }
    assert.equal((await card.locator('pre').innerText()).trim(), details.trim())
    await page.locator('#told').getByText(`Waits for you: ${what}`).waitFor({ state: 'attached' })
    await press(/^Allow once/, card)
    assert.equal((await answer).final.outcome, 'done')
    await card.waitFor({ state: 'detached' })
    const tally = await readFile(join(watched.node.home.workspace, 'tally.md'), 'utf8')
    assert.equal(tally, 'tally: |')
    const focused = await page.evaluate(() => document.activeElement?.id)
    assert.equal(focused, 'approvals-title')
  })

  it('takes no press in the moment in which something to press appears', async () => {
    await page.evaluate(() => {
      const pressed = new MutationObserver(() => {
        const button = document.querySelector<HTMLElement>('.approval button')
        if (button === null) return
        pressed.disconnect()
        button.click()
      })
      pressed.observe(document.body, { childList: true, subtree: true })
    })
    const { approval, ask, what } = await watched.parked('quickly')
    const card = rowOf('Approvals', what)
    await card.locator('button.danger:not([aria-disabled])').waitFor()
    assert.equal((await watched.node.client.call('showApproval', { approval })).state, 'open')
    await watched.node.client.call('cancelAsk', { ask })
    await card.waitFor({ state: 'detached' })
  })

  it('denies a call, and offers the wider answers behind what they mean', async () => {
    const { approval, ask, what } = await watched.parked('another one')
    const card = rowOf('Approvals', what)
    assert.equal(await card.getByRole('button', { name: /^Always allow/ }).isVisible(), false)
    await card.getByText('Allow more than this call').click()
    await card.getByText(`kith approvals forget ${approval}`).waitFor()
    await card.getByRole('button', { name: /^Always allow for alice/ }).waitFor()
    await press(/^Deny/, card)
    await watched.alice.answer(ask)
    assert.equal((await watched.node.client.call('showApproval', { approval })).state, 'denied')
  })

  it('runs a job, tells of its run, and pauses and resumes it with a reason', async () => {
    const job = rowOf('Jobs', 'sweep')
    await press('Run now: sweep', job)
    await section('Jobs').getByText('manual · swept').first().waitFor()
    await press('Pause … sweep', job)
    await job.getByLabel('Why sweep is paused').fill('moving house')
    await page.keyboard.press('Enter')
    await job.getByText(/Paused by self .*: moving house/).waitFor()
    const { paused } = await watched.node.client.call('showJob', { job: 'sweep' })
    assert.deepEqual([paused?.who, paused?.why], ['self', 'moving house'])
    await press('Resume sweep', job)
    await job.getByText('waiting', { exact: true }).waitFor()
  })

  it('says what the node has refused, and what to type, until it is put away', async () => {
    await page.route('**/v1/jobs/broken/run', async (route) => {
      const error = { code: 'unknown-job', message: 'no job is named broken', details: {} }
      const json = { error: { ...error, hint: 'kith jobs list', fromPeer: false } }
      await route.fulfill({ status: 404, json })
    })
    await press('Run now: broken')
    await fails(/Refused \(unknown-job\): no job is named broken[^]*kith jobs list/)
    await press('Close this message')
    await page.getByRole('alert').waitFor({ state: 'detached' })
    await page.unroute('**/v1/jobs/broken/run')
    pageFaults.splice(0)
  })

  it('shows an alert, and acknowledges it', async () => {
    await press('Run now: broken')
    const alert = rowOf('Alerts', 'job failed')
    await alert.getByText(/job broken has failed.*no disk/).waitFor()
    await alert.getByText('kith jobs failures broken').waitFor()
    await press(/^Acknowledge: job broken/, alert)
    await alert.waitFor({ state: 'detached' })
    const kept = await watched.node.client.call('alerts', {})
    assert.ok(kept.find(({ kind }) => kind === 'job-failed')?.seenAt !== undefined)
  })

  it('shows how far the caps of today are used, and how that grows', async () => {
    const meter = page.getByRole('meter', { name: 'this node, all day, tokens' })
    const before = await meter.getAttribute('aria-valuetext')
    assert.match(before ?? '', /^[\d,]+ tokens of 50,000 tokens/)
    await watched.alice.ask(watched.node, 'and again')
    await eventually(async () => {
      assert.notEqual(await meter.getAttribute('aria-valuetext'), before)
    })
    await page.getByRole('meter', { name: 'alice, money' }).waitFor()
  })

  it('shows how old the backups are', async () => {
    const backups = section('Backups')
    await backups.getByText('kith backup create --to DIR').waitFor()
    await watched.backUp()
    await backups.getByText('as written').waitFor()
    await backups
      .getByText(/\.kithbackup|\.age/)
      .first()
      .waitFor()
  })

  it('leaves a focus and an unfolded part where they are when the rest changes', async () => {
    const open = section('Asks')
      .getByRole('button', { name: /^Open the ask/ })
      .last()
    await open.focus()
    const answer = await watched.alice.ask(watched.node, 'something new')
    assert.equal(answer.final.outcome, 'done')
    await section('Asks')
      .getByText('just now')
      .or(section('Asks').getByText(/^\d s ago$/))
      .first()
      .waitFor()
    assert.ok(await open.evaluate((element) => element === document.activeElement))
    assert.ok(await section('This node').getByText(watched.node.address).isVisible())
  })

  it('says that the node is gone, and comes back with it', async () => {
    await watched.node.kill()
    await fails(/The node does not answer/)
    await page.getByText('not connected').waitFor()
    await watched.node.start()
    await page.getByText('The node does not answer').waitFor({ state: 'detached' })
    await page.getByText('live', { exact: true }).waitFor()
    await page.locator('#told').getByText('The node is back').waitFor({ state: 'attached' })
  })

  it('lets nobody in any more after a log-out', async () => {
    await press('Log out of this page')
    await page.getByText('kith dashboard').waitFor()
    await page.goto(await watched.link())
    await section('This node').waitFor()
  })
})
