/**
 * Run as a process of its own: works off the inbox in the folder given until it is killed. Each time an item is given
 * leaves two lines in the file `effects` there, one when it begins and one when it is done. It prints when it is ready
 * and when the first one begins, and what is done and on disk.
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FeedHome } from './feed-home.ts'

const folder = process.argv[2] ?? ''
const home = new FeedHome(folder)
const note = (line: string): void => {
  appendFileSync(join(folder, 'effects'), `${line}\n`)
}
let begun = false
home.does = async ({ name }) => {
  note(`begun ${name}`)
  if (!begun) process.stdout.write('begun\n')
  begun = true
  await delay(Math.random() * 3)
  note(`done ${name}`)
  return name
}
// Each kill counts as a failure.
const scheduler = await home.open(home.job({ quarantine_after: 100 }, { pause_after: 100 }))
scheduler.onEnd(({ state, summary }) => {
  if (state === 'succeeded') process.stdout.write(`${summary ?? ''}\n`)
})
await scheduler.look()
process.stdout.write('ready\n')
for (;;) await home.due()
