import type { RunReport } from '../../../../control/api.ts'
import { call } from '../client.ts'
import { h } from '../dom.ts'
import type { VNode } from '../dom.ts'
import { badge, button, longList, when } from '../parts.ts'
import type { Tone } from '../parts.ts'
import { valueOf } from '../view.ts'
import type { View } from '../view.ts'
import { duration, line } from '../words.ts'

const TONES: Readonly<Record<RunReport['state'], Tone>> = {
  queued: 'away',
  running: 'busy',
  succeeded: 'good',
  failed: 'bad',
  'timed-out': 'bad',
  cancelled: 'off',
  interrupted: 'bad',
}

/** Those that can be tried again. */
const FAILED: readonly RunReport['state'][] = ['failed', 'timed-out', 'interrupted', 'cancelled']

/** The last runs of jobs, the newest first. */
export function runs(view: View): VNode | undefined {
  const listed = valueOf(view, 'runs') ?? []
  if (listed.length === 0) return undefined
  return h(
    'div',
    { key: 'runs' },
    h('h3', { class: 'part' }, 'Last runs'),
    longList(
      view,
      'runs',
      'runs',
      listed.map((run) => row(view, run)),
    ),
  )
}

function row(view: View, report: RunReport): VNode {
  const { attempts, by, cause, claimedAt, failure, finalAt, job, readyAt, run, state } = report
  const { actions, now } = view
  const shown = line(job)
  const off = actions.isBusy(run)
  const took =
    claimedAt === undefined || finalAt === undefined
      ? ''
      : `, took ${duration(finalAt - claimedAt)}`
  return h(
    'li',
    { key: run, class: 'run' },
    h(
      'div',
      { class: 'head' },
      h('h4', {}, shown),
      badge(TONES[state], state.replace('-', ' ')),
      h('span', { class: 'about' }, when(claimedAt ?? readyAt, now), took),
      h(
        'span',
        { class: 'buttons' },
        finalAt === undefined &&
          button('Cancel', { name: `Cancel the run of ${shown}`, kind: 'danger', off }, () => {
            actions.do(run, async () => {
              const { state: now } = await call('cancelRun', { run })
              return `The run of ${shown} is ${now}`
            })
          }),
        FAILED.includes(state) &&
          button('Try again', { name: `Try again: the run of ${shown}`, off }, () => {
            actions.do(run, async () => {
              await call('retryRun', { run })
              return `${shown} is tried again`
            })
          }),
      ),
    ),
    h(
      'p',
      { class: 'about' },
      by === 'self' ? cause : `${cause} by ${line(by)}`,
      attempts > 1 && `, attempt ${attempts}`,
      report.summary !== undefined && ` · ${line(report.summary)}`,
    ),
    failure !== undefined &&
      state !== 'succeeded' &&
      h('p', { class: 'reason' }, `${line(failure.code)}: ${line(failure.why)}`),
  )
}
