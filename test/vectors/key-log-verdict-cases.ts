import { COMPROMISE, enveloped, inception, recovered, retired, rotated, signedBy } from './key-log-events.ts'
import type { Branch } from './key-log-events.ts'
import { hex, seedOf } from './seeds.ts'
import { chosenSignature } from './signed-cases.ts'

const HOUR_MS = 3_600_000
const FIRST_HOUR = 500_000

/** At an hour, a log is shown; it is judged so; these events are held, each with the hour it was first seen. */
type Step =
  | [hour: number, shown: string, kind: string, held: string, conflict?: string]
  | [hour: number, shown: string, refused: string]

const CASES: [name: string, ...steps: Step[]][] = [
  ['what was never seen is new', [0, 'icp', 'new', 'icp@0']],
  ['all of a long log is first seen when it is shown', [3, 'icp rot1', 'new', 'icp@3 rot1@3']],
  [
    'the same again, an older one, a longer one',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [1, 'icp rot1', 'same', 'icp@0 rot1@0'],
    [2, 'icp', 'older', 'icp@0 rot1@0'],
    [3, 'icp rot1 rot2', 'grown', 'icp@0 rot1@0 rot2@3'],
    [900, 'icp rot1 rot2 end3', 'grown', 'icp@0 rot1@0 rot2@3 end3@900'],
  ],
  [
    'another signature over the same event changes nothing',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [1, 'icp rot1signedAgain', 'same', 'icp@0 rot1@0'],
    [2, 'icp rot1signedAgain rot2', 'grown', 'icp@0 rot1@0 rot2@2'],
  ],
  [
    'a log of another node is refused',
    [0, 'icp', 'new', 'icp@0'],
    [1, 'other', 'wrong id'],
    [2, 'icp', 'same', 'icp@0'],
  ],
  [
    'a log that is not valid is refused',
    [0, 'icp', 'new', 'icp@0'],
    [1, 'icp forged1', 'bad signature'],
    [2, 'icp rot2', 'wrong sequence number'],
  ],
  [
    'a log that is not valid is refused in what is held already',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [1, 'icp forged1', 'bad signature'],
  ],
  [
    'two rotations in one place freeze',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [1, 'icp stolen1', 'forked', 'icp@0 rot1@0', 'stolen1'],
    [2, 'icp rot1', 'same', 'icp@0 rot1@0', 'stolen1'],
    [3, 'icp stolen1', 'forked', 'icp@0 rot1@0', 'stolen1'],
    [4, 'icp', 'older', 'icp@0 rot1@0', 'stolen1'],
  ],
  [
    'also long after the window',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [900, 'icp stolen1', 'forked', 'icp@0 rot1@0', 'stolen1'],
  ],
  [
    'the rest of the other branch is kept, whatever is longer',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [1, 'icp stolen1 stolen2', 'forked', 'icp@0 rot1@0', 'stolen1 stolen2'],
  ],
  [
    'a frozen log does not grow',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [1, 'icp stolen1', 'forked', 'icp@0 rot1@0', 'stolen1'],
    [2, 'icp rot1 rot2', 'forked', 'icp@0 rot1@0', 'stolen1'],
    [3, 'icp stolen1 stolen2', 'forked', 'icp@0 rot1@0', 'stolen1'],
  ],
  [
    'a recovery undoes a rotation, and what comes after it',
    [0, 'icp', 'new', 'icp@0'],
    [1, 'icp stolen1', 'grown', 'icp@0 stolen1@1'],
    [9, 'icp stolen1 stolen2', 'grown', 'icp@0 stolen1@1 stolen2@9'],
    [72, 'icp rec1', 'recovered', 'icp@0 rec1@72'],
    [73, 'icp stolen1 stolen2', 'older', 'icp@0 rec1@72'],
  ],
  [
    'after as many hours as the inception says, it freezes instead',
    [0, 'icp', 'new', 'icp@0'],
    [1, 'icp stolen1', 'grown', 'icp@0 stolen1@1'],
    [73, 'icp rec1', 'forked', 'icp@0 stolen1@1', 'rec1'],
    [74, 'icp stolen1', 'same', 'icp@0 stolen1@1', 'rec1'],
  ],
  [
    'they are those of the event that is undone first',
    [0, 'icp stolen1', 'new', 'icp@0 stolen1@0'],
    [50, 'icp stolen1 stolen2', 'grown', 'icp@0 stolen1@0 stolen2@50'],
    [72, 'icp rec1', 'forked', 'icp@0 stolen1@0 stolen2@50', 'rec1'],
  ],
  [
    'a clock that went back closes no window',
    [9, 'icp stolen1', 'new', 'icp@9 stolen1@9'],
    [0, 'icp rec1', 'recovered', 'icp@9 rec1@0'],
  ],
  [
    'a recovery that undoes nothing is never late',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [900, 'icp rot1 rec2', 'grown', 'icp@0 rot1@0 rec2@900'],
  ],
  [
    'a recovery that was seen first beats a rotation in its place',
    [0, 'icp rec1', 'new', 'icp@0 rec1@0'],
    [1, 'icp stolen1', 'older', 'icp@0 rec1@0'],
    [900, 'icp stolen1 stolen2', 'older', 'icp@0 rec1@0'],
  ],
  [
    'a recovery settles two rotations in its place',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [1, 'icp stolen1', 'forked', 'icp@0 rot1@0', 'stolen1'],
    [2, 'icp rec1', 'recovered', 'icp@0 rec1@2'],
    [3, 'icp stolen1', 'older', 'icp@0 rec1@2'],
    [4, 'icp rec1 rot2r', 'grown', 'icp@0 rec1@2 rot2r@4'],
  ],
  [
    'too late, it is kept beside what is held instead of what stood there',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [71, 'icp stolen1', 'forked', 'icp@0 rot1@0', 'stolen1'],
    [72, 'icp rec1', 'forked', 'icp@0 rot1@0', 'rec1'],
    [73, 'icp stolen1', 'forked', 'icp@0 rot1@0', 'rec1'],
  ],
  [
    'after a late recovery, no other settles it, by whatever clock',
    [0, 'icp stolen1', 'new', 'icp@0 stolen1@0'],
    [72, 'icp rec1', 'forked', 'icp@0 stolen1@0', 'rec1'],
    [73, 'icp stolen1 stolenRec2', 'forked', 'icp@0 stolen1@0', 'rec1'],
    [74, 'icp rec1b', 'forked', 'icp@0 stolen1@0', 'rec1'],
    [0, 'icp rec1 rec2r', 'forked', 'icp@0 stolen1@0', 'rec1 rec2r'],
  ],
  [
    'nor one that comes late in the place of a later event',
    [0, 'icp rot1 rot2', 'new', 'icp@0 rot1@0 rot2@0'],
    [71, 'icp stolen1', 'forked', 'icp@0 rot1@0 rot2@0', 'stolen1'],
    [72, 'icp rot1 rec2', 'forked', 'icp@0 rot1@0 rot2@0', 'rec2'],
    [73, 'icp rot1 rot2 rec3', 'forked', 'icp@0 rot1@0 rot2@0', 'rec2'],
    [0, 'icp rec1', 'recovered', 'icp@0 rec1@0'],
  ],
  [
    'a recovery on top of what is held settles two rotations, at any time',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [1, 'icp stolen1', 'forked', 'icp@0 rot1@0', 'stolen1'],
    [2, 'icp rot1 rot2', 'forked', 'icp@0 rot1@0', 'stolen1'],
    [900, 'icp rot1 rec2', 'grown', 'icp@0 rot1@0 rec2@900'],
    [901, 'icp stolen1 stolen2', 'older', 'icp@0 rot1@0 rec2@900'],
  ],
  [
    'also further on, and an end by the recovery key does too',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [1, 'icp stolen1', 'forked', 'icp@0 rot1@0', 'stolen1'],
    [900, 'icp rot1 rot2 end3r', 'grown', 'icp@0 rot1@0 rot2@900 end3r@900'],
    [901, 'icp stolen1', 'older', 'icp@0 rot1@0 rot2@900 end3r@900'],
  ],
  [
    'an end by the rotation key does not',
    [0, 'icp rot1 rot2', 'new', 'icp@0 rot1@0 rot2@0'],
    [1, 'icp stolen1', 'forked', 'icp@0 rot1@0 rot2@0', 'stolen1'],
    [2, 'icp rot1 rot2 end3', 'forked', 'icp@0 rot1@0 rot2@0', 'stolen1'],
  ],
  [
    'a recovery after the place, instead of what is held, settles it in time',
    [0, 'icp rot1 rot2', 'new', 'icp@0 rot1@0 rot2@0'],
    [1, 'icp stolen1', 'forked', 'icp@0 rot1@0 rot2@0', 'stolen1'],
    [71, 'icp rot1 rec2', 'recovered', 'icp@0 rot1@0 rec2@71'],
    [72, 'icp stolen1', 'older', 'icp@0 rot1@0 rec2@71'],
  ],
  [
    'a recovery on top of the other branch takes that one, in time',
    [0, 'icp stolen1', 'new', 'icp@0 stolen1@0'],
    [1, 'icp rot1', 'forked', 'icp@0 stolen1@0', 'rot1'],
    [71, 'icp rot1 rec2', 'recovered', 'icp@0 rot1@71 rec2@71'],
    [72, 'icp stolen1 stolen2', 'older', 'icp@0 rot1@71 rec2@71'],
  ],
  [
    'also when nothing stood there before',
    [0, 'icp stolen1 stolen2', 'new', 'icp@0 stolen1@0 stolen2@0'],
    [71, 'icp rot1 rot2 end3r', 'recovered', 'icp@0 rot1@71 rot2@71 end3r@71'],
  ],
  [
    'too late, that freezes, and what was not confirmed is forgotten for what was',
    [0, 'icp stolen1', 'new', 'icp@0 stolen1@0'],
    [1, 'icp rot1', 'forked', 'icp@0 stolen1@0', 'rot1'],
    [72, 'icp rot1 rec2', 'forked', 'icp@0 stolen1@0', 'rot1 rec2'],
    [73, 'icp stolen1 stolenRec2', 'forked', 'icp@0 stolen1@0', 'rot1 rec2'],
    [74, 'icp rot1', 'forked', 'icp@0 stolen1@0', 'rot1 rec2'],
  ],
  [
    'recoveries on two branches freeze, and one before both settles it',
    [0, 'icp rot1 rec2', 'new', 'icp@0 rot1@0 rec2@0'],
    [1, 'icp stolen1 stolenRec2', 'forked', 'icp@0 rot1@0 rec2@0', 'stolen1 stolenRec2'],
    [2, 'icp rot1 rec2 rec3r', 'forked', 'icp@0 rot1@0 rec2@0', 'stolen1 stolenRec2'],
    [3, 'icp rec1', 'recovered', 'icp@0 rec1@3'],
  ],
  [
    'a recovery before the place settles it too',
    [0, 'icp rot1 rot2', 'new', 'icp@0 rot1@0 rot2@0'],
    [1, 'icp rot1 stolen2b', 'forked', 'icp@0 rot1@0 rot2@0', 'stolen2b'],
    [2, 'icp rec1', 'recovered', 'icp@0 rec1@2'],
  ],
  [
    'of two contradictions the earlier one is kept',
    [0, 'icp rot1 rot2', 'new', 'icp@0 rot1@0 rot2@0'],
    [1, 'icp rot1 stolen2b', 'forked', 'icp@0 rot1@0 rot2@0', 'stolen2b'],
    [2, 'icp stolen1', 'forked', 'icp@0 rot1@0 rot2@0', 'stolen1'],
    [3, 'icp rot1 stolen2b', 'forked', 'icp@0 rot1@0 rot2@0', 'stolen1'],
  ],
  [
    'a recovery of a recovery',
    [0, 'icp rec1 rot2r', 'new', 'icp@0 rec1@0 rot2r@0'],
    [1, 'icp rec1 rec2r', 'recovered', 'icp@0 rec1@0 rec2r@1'],
    [2, 'icp rec1 rot2r', 'older', 'icp@0 rec1@0 rec2r@1'],
  ],
  [
    'a recovery undoes a later recovery',
    [0, 'icp rot1 rec2', 'new', 'icp@0 rot1@0 rec2@0'],
    [1, 'icp rec1', 'recovered', 'icp@0 rec1@1'],
    [2, 'icp rot1 rec2', 'older', 'icp@0 rec1@1'],
  ],
  [
    'two recoveries in one place freeze, and no third one there settles it',
    [0, 'icp rec1', 'new', 'icp@0 rec1@0'],
    [1, 'icp rec1b', 'forked', 'icp@0 rec1@0', 'rec1b'],
    [2, 'icp rec1c', 'forked', 'icp@0 rec1@0', 'rec1b'],
  ],
  [
    'an earlier one does',
    [0, 'icp rot1 rec2', 'new', 'icp@0 rot1@0 rec2@0'],
    [1, 'icp rot1 rec2b', 'forked', 'icp@0 rot1@0 rec2@0', 'rec2b'],
    [2, 'icp rec1', 'recovered', 'icp@0 rec1@2'],
  ],
  [
    'a recovery undoes an end by the rotation key',
    [0, 'icp end1', 'new', 'icp@0 end1@0'],
    [71, 'icp rec1', 'recovered', 'icp@0 rec1@71'],
    [72, 'icp end1', 'older', 'icp@0 rec1@71'],
  ],
  [
    'in time',
    [0, 'icp end1', 'new', 'icp@0 end1@0'],
    [72, 'icp rec1', 'forked', 'icp@0 end1@0', 'rec1'],
  ],
  [
    'an end by the recovery key is contradicted by a recovery',
    [0, 'icp end1r', 'new', 'icp@0 end1r@0'],
    [1, 'icp rec1', 'forked', 'icp@0 end1r@0', 'rec1'],
  ],
  [
    'and the other way round',
    [0, 'icp rec1', 'new', 'icp@0 rec1@0'],
    [1, 'icp end1r', 'forked', 'icp@0 rec1@0', 'end1r'],
  ],
  [
    'an end by the recovery key undoes a rotation',
    [0, 'icp stolen1 stolen2', 'new', 'icp@0 stolen1@0 stolen2@0'],
    [1, 'icp end1r', 'recovered', 'icp@0 end1r@1'],
    [2, 'icp stolen1', 'older', 'icp@0 end1r@1'],
  ],
  [
    'and an end by the rotation key',
    [0, 'icp end1', 'new', 'icp@0 end1@0'],
    [1, 'icp end1r', 'recovered', 'icp@0 end1r@1'],
  ],
  [
    'in time, like a recovery',
    [0, 'icp stolen1', 'new', 'icp@0 stolen1@0'],
    [72, 'icp end1r', 'forked', 'icp@0 stolen1@0', 'end1r'],
  ],
  [
    'an end and a rotation in one place freeze',
    [0, 'icp rot1', 'new', 'icp@0 rot1@0'],
    [1, 'icp end1', 'forked', 'icp@0 rot1@0', 'end1'],
  ],
  [
    'a shorter window',
    [0, 'brief', 'new', 'brief@0'],
    [1, 'brief brief1', 'grown', 'brief@0 brief1@1'],
    [2, 'brief briefRec1', 'forked', 'brief@0 brief1@1', 'briefRec1'],
  ],
]

/** Logs that are shown one after another, how each is judged, and what is held then. Events have names. */
export async function keyLogVerdictVectors(): Promise<unknown> {
  return {
    events: await namedEvents(),
    cases: CASES.map(([name, ...steps]) => ({
      name,
      steps: steps.map(([hour, shown, kind, held, conflict]) => ({
        now: timeOf(hour),
        shown: shown.split(' '),
        ...(held === undefined ? { refused: kind } : { kind, held: heldAs(held, conflict) }),
      })),
    })),
  }
}

function heldAs(held: string, conflict: string | undefined): unknown {
  const events = held.split(' ').map((event) => event.split('@'))
  return {
    events: events.map(([name]) => name),
    seenAt: events.map(([, hour]) => timeOf(Number(hour))),
    conflict: conflict?.split(' '),
  }
}

function timeOf(hour: number): number {
  return (FIRST_HOUR + hour) * HOUR_MS
}

async function namedEvents(): Promise<unknown> {
  const icp = await inception()
  const other = await inception({ nonce: seedOf('another nonce').subarray(0, 16) })
  const brief = await inception({ w: 1 })
  const rot1 = await rotated(icp)
  const rot2 = await rotated(rot1)
  const stolen1 = await rotated(icp, stolen('thief 1'))
  const rec1 = await recovered(icp)
  const rec2 = await recovered(rot1)
  const named: Record<string, Branch> = {
    icp,
    other,
    brief,
    rot1,
    rot2,
    stolen1,
    rec1,
    stolen2: await rotated(stolen1, stolen('thief 2')),
    stolen2b: await rotated(rot1, stolen('thief 3')),
    end3: await retired(rot2),
    end3r: await retired(rot2, rot2.recovery),
    rec1b: await recovered(icp, { key: 'recovered b', rotation: 'rotation b' }),
    rec1c: await recovered(icp, { key: 'recovered c', rotation: 'rotation c' }),
    rec2,
    rec3: await recovered(rot2),
    rec3r: await recovered(rec2),
    stolenRec2: await recovered(stolen1, { key: 'recovered d', rotation: 'rotation d' }),
    rec2b: await recovered(rot1, { key: 'recovered b', rotation: 'rotation b' }),
    rot2r: await rotated(rec1),
    rec2r: await recovered(rec1),
    end1: await retired(icp),
    end1r: await retired(icp, icp.recovery),
    brief1: await rotated(brief),
    briefRec1: await recovered(brief),
  }
  const events = Object.entries(named).map(([name, { events }]) => [name, events.at(-1)])
  const signers = [icp.rotation, rot1.key, icp.key]
  const again = signers.map((name) => chosenSignature('rot', hex(rot1.last), seedOf(name)))
  return Object.fromEntries([
    ...events,
    ['rot1signedAgain', enveloped(rot1.last, await Promise.all(again))],
    ['forged1', await signedBy('rot', rot1.last, [rot1.key, rot1.key, icp.key])],
  ])
}

/** What a thief of the key in force and the rotation key makes: it does not need the key before. */
function stolen(name: string): Parameters<typeof rotated>[1] {
  return { change: COMPROMISE, key: name, rotation: `rotation of ${name}` }
}
