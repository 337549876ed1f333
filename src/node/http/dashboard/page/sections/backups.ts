import type { BackupReport, BackupsReport } from '../../../../control/api.ts'
import { h } from '../dom.ts'
import type { VNode } from '../dom.ts'
import { badge, facts, longList, nothing, refused, section, typed, when } from '../parts.ts'
import type { Tone } from '../parts.ts'
import { problemOf, valueOf } from '../view.ts'
import type { View } from '../view.ts'
import { bytes, line } from '../words.ts'

/** How old the last backup is, the last reading of one, and the last drill; then the backups. */
export function backups(view: View): VNode {
  const report = valueOf(view, 'backups')
  const problem = problemOf(view, 'backups')
  return section(
    'backups',
    'Backups',
    undefined,
    problem !== undefined && refused(view, problem),
    ...(report === undefined ? [] : shown(view, report)),
  )
}

function shown(view: View, { ages, backups: made, to }: BackupsReport): VNode[] {
  const { drilledAt, madeAt, verifiedAt } = ages
  const age = (at: number | undefined, command: string): (VNode | string)[] =>
    at === undefined ? [badge('warn', 'never'), ' ', typed(view, command)] : [when(at, view.now)]
  return [
    facts([
      ['last made', ...age(madeAt, 'kith backup create --to DIR')],
      ['last read back', ...age(verifiedAt, 'kith backup verify FILE')],
      ['last drill', ...age(drilledAt, 'kith backup drill FILE')],
      ...(to === undefined ? [] : [['kept in', h('code', {}, line(to))] as const]),
    ]),
    made.length === 0
      ? nothing('No backup is known here.')
      : longList(
          view,
          'backups',
          'backups',
          made.map((backup) => row(view, backup)),
        ),
  ]
}

function row({ now }: View, backup: BackupReport): VNode {
  const [tone, text] = foundOf(backup)
  const { backupAt, by, bytes: size, file, lock } = backup
  const more = [bytes(size), lock === undefined ? '' : `opened by ${lock}`, by ? `by ${by}` : '']
  return h(
    'li',
    { key: file, class: 'backup' },
    h(
      'div',
      { class: 'head' },
      h('h3', {}, when(backupAt, now)),
      badge(tone, text),
      h('span', { class: 'about' }, line(more.filter((one) => one !== '').join(' · '))),
    ),
    h('p', { class: 'about file' }, line(file)),
  )
}

/** What is known of a backup, as `kith backup list` says it. */
function foundOf({ drilled, standing, verified }: BackupReport): [tone: Tone, text: string] {
  switch (standing) {
    case 'missing':
      return ['bad', 'not there']
    case 'changed':
      return ['bad', 'changed since']
    case 'unknown':
      return ['off', 'not known here']
    case 'there':
  }
  if (verified === undefined) return ['warn', 'not read back']
  if (!verified.ok) return ['bad', 'damaged']
  if (drilled?.ok === true) return ['good', 'drilled']
  return ['good', verified.how === 'hash' ? 'as written' : 'whole']
}
