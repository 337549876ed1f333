import { Point } from '@noble/ed25519'

const ORDER_8 = 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'
const FF = 'ff'.repeat(30)
const ZERO = '00'.repeat(30)

/** A point of order 8. */
export const TORSION = Point.fromHex(ORDER_8)

/** The neutral element, which has order 1. */
export const IDENTITY = `01${ZERO}00`

/** The neutral element again, with y = p + 1. */
export const OTHER_IDENTITY = `ee${FF}7f`

/** All encodings of points of small order, and two that are no point or not its only encoding. */
export const WEAK_POINTS = [
  { name: 'order 1', point: IDENTITY },
  { name: 'order 1, y = p + 1', point: OTHER_IDENTITY },
  { name: 'order 1, sign of zero set', point: `01${ZERO}80` },
  { name: 'order 1, y = p + 1, sign of zero set', point: `ee${FF}ff` },
  { name: 'order 2', point: `ec${FF}7f` },
  { name: 'order 2, sign of zero set', point: `ec${FF}ff` },
  { name: 'order 4', point: `00${ZERO}00` },
  { name: 'order 4, negative', point: `00${ZERO}80` },
  { name: 'order 4, y = p', point: `ed${FF}7f` },
  { name: 'order 4, y = p, negative', point: `ed${FF}ff` },
  { name: 'order 8', point: ORDER_8 },
  { name: 'order 8, negative', point: TORSION.negate().toHex() },
  { name: 'order 8, the other y', point: TORSION.multiply(3n).toHex() },
  { name: 'order 8, the other y, negative', point: TORSION.multiply(3n).negate().toHex() },
  { name: 'large order, y = p + 3', point: `f0${FF}7f` },
  { name: 'not on the curve', point: `02${ZERO}00` },
]
