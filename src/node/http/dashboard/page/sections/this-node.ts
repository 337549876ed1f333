import type { StatusReport } from '../../../../control/api.ts'
import { h } from '../dom.ts'
import type { Child, VNode } from '../dom.ts'
import { badge, facts, section, when } from '../parts.ts'
import type { Tone } from '../parts.ts'
import { valueOf } from '../view.ts'
import type { View } from '../view.ts'
import { clockTime, duration, line } from '../words.ts'

const TONES: Readonly<Record<StatusReport['components'][number]['state'], Tone>> = {
  ready: 'good',
  'not-ready': 'warn',
  error: 'bad',
  disabled: 'off',
  'not-checked': 'away',
}
const HEALTH_TONES = { healthy: 'good', degraded: 'warn', unhealthy: 'bad' } as const

/** The health of the node in one word. */
export function healthBadge({ health }: StatusReport): VNode {
  return badge(HEALTH_TONES[health], health)
}

/** Who this node is, how its parts are, and what it is running on. */
export function thisNode(view: View): VNode {
  const status = valueOf(view, 'status')
  return section(
    'node',
    'This node',
    undefined,
    ...(status === undefined ? [] : [who(view, status), components(view, status)]),
  )
}

function who({ now }: View, status: StatusReport): VNode {
  const { asks, build, engine, id, jobs, software, startedAt, words } = status
  const next: Child[] = jobs.nextAt === undefined ? [] : [', next ', when(jobs.nextAt, now)]
  return h(
    'div',
    { key: 'who' },
    facts([
      ['health', healthBadge(status)],
      ['words', h('strong', { class: 'words' }, words.join(' '))],
      ['id', h('code', {}, id)],
      ['version', line(software), build !== undefined && ` build ${line(build)}`],
      ['up', `${duration(now - startedAt)}, since ${clockTime(startedAt)}`],
      ['engine', line(engine)],
      ['asks', `${asks.running} running, ${asks.queued} queued, ${asks.out} on their way out`],
      ['jobs', `${jobs.on} on, ${jobs.running} running, ${jobs.queued} waiting`, ...next],
    ]),
    technical(status),
  )
}

/** What is looked up once in a while. */
function technical({ home, key, listening, lobby, pid, readyAfterMs }: StatusReport): VNode {
  return h(
    'details',
    {},
    h('summary', {}, 'Addresses and process'),
    facts([
      ['listening', ...listening.map((address) => h('code', { key: address }, line(address)))],
      ['lobby', lobby],
      ['peer id', h('code', {}, key)],
      ['home', h('code', {}, line(home))],
      ['process', String(pid)],
      ['ready after', duration(readyAfterMs)],
    ]),
  )
}

/** What is not as it should be, with its reason; all else by its name. */
function components({ now }: View, { components: found, parts }: StatusReport): VNode {
  const well = found.filter(({ state }) => state === 'ready')
  const rest = found.filter(({ state }) => state !== 'ready')
  const down = parts.filter(({ state }) => state !== 'running')
  const names = well.map(({ name }) => line(name)).join(', ')
  return h(
    'div',
    { key: 'components' },
    found.length > 0 && h('h3', { class: 'part' }, 'Components'),
    h(
      'ul',
      { class: 'rows components' },
      ...rest.map(({ lastOkAt, name, reason, required, since, state }) =>
        h(
          'li',
          { key: name },
          h(
            'div',
            { class: 'head' },
            h('h4', {}, line(name)),
            badge(TONES[state], state.replace('-', ' ')),
            required && state !== 'disabled' && h('span', { class: 'about' }, 'required'),
          ),
          reason !== undefined && h('p', { class: 'reason' }, line(reason)),
          state !== 'disabled' &&
            h(
              'p',
              { class: 'about' },
              'since ',
              when(since, now),
              lastOkAt !== undefined && ', last well ',
              lastOkAt !== undefined && when(lastOkAt, now),
            ),
        ),
      ),
      ...down.map(({ failure, nextTryAt, part, restarts, since, state }) =>
        h(
          'li',
          { key: `part ${part}` },
          h(
            'div',
            { class: 'head' },
            h('h4', {}, `part ${line(part)}`),
            badge(state === 'failed' ? 'bad' : 'away', state),
            h('span', { class: 'about' }, when(since, now), `, restarted ${restarts}×`),
          ),
          failure !== undefined && h('p', { class: 'reason' }, line(failure)),
          nextTryAt !== undefined &&
            h('p', { class: 'about' }, 'tried again ', when(nextTryAt, now)),
        ),
      ),
    ),
    well.length > 0 &&
      h('p', { class: 'about well' }, badge('good', `${well.length} ready`), ` ${names}`),
  )
}
