import type { JobReport } from '../../../../control/api.ts'
import { call } from '../client.ts'
import { h } from '../dom.ts'
import type { VNode } from '../dom.ts'
import { badge, button, fold, longList, nothing, refused, section, typed, when } from '../parts.ts'
import type { Tone } from '../parts.ts'
import { problemOf, valueOf } from '../view.ts'
import type { View } from '../view.ts'
import { line, some } from '../words.ts'
import { runs } from './runs.ts'

const TONES: Readonly<Record<JobReport['standing'], Tone>> = {
  disabled: 'off',
  waiting: 'good',
  busy: 'busy',
  paused: 'off',
  failing: 'warn',
  overdue: 'bad',
  stuck: 'bad',
}

const DEFAULT_WHY = 'paused in the dashboard'
const MAX_WHY_CHARS = 500

/** All jobs with what can be done to them, then the last runs of them. */
export function jobs(view: View): VNode {
  const listed = valueOf(view, 'jobs')
  const problem = problemOf(view, 'jobs')
  return section(
    'jobs',
    'Jobs',
    listed === undefined || listed.length === 0 ? undefined : listed.length,
    problem !== undefined && refused(view, problem),
    listed?.length === 0 && nothing('None yet. ', typed(view, 'kith jobs add --help')),
    longList(
      view,
      'jobs',
      'jobs',
      (listed ?? []).map((job) => row(view, job)),
    ),
    runs(view),
  )
}

function row(view: View, job: JobReport): VNode {
  const { activeRun, failures, lastSuccessAt, name, nextAt, paused, schedule, standing, zone } = job
  const { actions, now } = view
  const shown = line(name)
  return h(
    'li',
    { key: name, class: 'job' },
    h(
      'div',
      { class: 'head' },
      h('h3', {}, shown),
      badge(TONES[standing], standing),
      h(
        'span',
        { class: 'buttons' },
        button(
          'Run now',
          {
            name: `Run now: ${shown}`,
            off: activeRun !== undefined || actions.isBusy(`run ${name}`),
          },
          () => {
            actions.do(`run ${name}`, async () => {
              const { state } = await call('runJob', { job: name })
              return `${shown}: its run is ${state}`
            })
          },
        ),
        paused === undefined &&
          job.enabled &&
          fold(view, {
            label: 'Pause …',
            name: `Pause … ${shown}`,
            key: `pause ${name}`,
            controls: `pause-${name}`,
          }),
        paused !== undefined &&
          button(
            'Resume',
            { name: `Resume ${shown}`, kind: 'main', off: actions.isBusy(`pause ${name}`) },
            () => {
              actions.do(`pause ${name}`, async () => {
                await call('resumeJob', { job: name })
                return `${shown} is resumed`
              })
            },
          ),
      ),
    ),
    h('p', { class: 'about' }, `${line(schedule)}, ${line(zone)} · ${line(job.target)}`),
    h(
      'p',
      { class: 'about' },
      nextAt === undefined ? 'not due by itself' : 'next ',
      nextAt !== undefined && when(nextAt, now),
      lastSuccessAt === undefined ? ', no success yet' : ', last success ',
      lastSuccessAt !== undefined && when(lastSuccessAt, now),
      failures > 0 && `, ${some(failures, 'failure')} in a row`,
    ),
    paused !== undefined &&
      h('p', {}, `Paused by ${line(paused.who)} `, when(paused.at, now), `: ${line(paused.why)}`),
    h(
      'div',
      { id: `pause-${name}` },
      paused === undefined && view.unfolded.has(`pause ${name}`) && pauseForm(view, name, shown),
    ),
  )
}

/** Asks why, because whoever finds it paused will. */
function pauseForm({ actions, unfolded }: View, name: string, shown: string): VNode {
  const submit = (event: Event): void => {
    event.preventDefault()
    if (!(event.target instanceof HTMLFormElement)) return
    const given = new FormData(event.target).get('why')
    const why = typeof given === 'string' && given.trim() !== '' ? given.trim() : DEFAULT_WHY
    actions.do(`pause ${name}`, async () => {
      await call('pauseJob', { job: name, why })
      unfolded.delete(`pause ${name}`)
      return `${shown} is paused`
    })
  }
  const field = { name: 'why', type: 'text', maxlength: MAX_WHY_CHARS, placeholder: DEFAULT_WHY }
  return h(
    'form',
    { on: { submit } },
    h('label', {}, 'Why ', h('input', { ...field, 'aria-label': `Why ${shown} is paused` })),
    h('button', { type: 'submit', class: 'main', 'aria-label': `Pause ${shown}` }, 'Pause'),
  )
}
